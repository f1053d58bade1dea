export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

export function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)} x`;
}

/** What a recovery is called everywhere. */
export function recoveryText(recoveryMs: number | null): string {
  return recoveryMs === null ? "not back at the end" : `back after ${seconds(recoveryMs)}`;
}
