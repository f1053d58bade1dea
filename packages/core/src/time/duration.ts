const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `setTimeout` fires at once above this: 24.8 days. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A duration: milliseconds, or a number with its unit: `'250ms'`, `'2s'`, `'1.5m'`, `'1h'`, `'1d'`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** Milliseconds, rounded; undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Math.round(Number(amount) * UNITS_MS[unit as keyof typeof UNITS_MS]);
}

/** For people: `850 ms`, `2 s`, `1.5 m`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 120_000) return `${trim(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${trim(ms / 60_000)} min`;
  return `${trim(ms / 3_600_000)} h`;
}

function trim(value: number): string {
  return String(Math.round(value * 10) / 10);
}
