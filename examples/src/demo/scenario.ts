/** One second on the screen stands for so many: production times would make a long demo. */
export const COMPRESSION = 10;

/** What each client is asked for. */
export const LOAD = { callsPerSecond: 50 } as const;

/**
 * Twice the load in health, well below it in the brown-out. A full queue takes longer than a client waits, even in
 * health: once full, and kept full by retries, it only ever answers those who have left.
 */
export const UPSTREAM = {
  serviceMs: 50,
  /** A service takes this share more or less. */
  serviceSpread: 0.2,
  workers: 5,
  brownOutWorkers: 1,
  queueLimit: 75,
} as const;

export const CLIENT = { timeoutMs: 400, naiveRetries: 3, naiveDelayMs: 100 } as const;

/** When things happen, counted from the first call. */
export interface Schedule {
  /** From here on, goodput counts as "before". */
  readonly warmMs: number;
  readonly brownOutMs: number;
  readonly healMs: number;
  readonly endMs: number;
}

export const FULL: Schedule = { warmMs: 1_000, brownOutMs: 6_000, healMs: 14_000, endMs: 26_000 };
export const SHORT: Schedule = { warmMs: 500, brownOutMs: 2_500, healMs: 6_500, endMs: 13_000 };

/** Calls that start later than this, at the 99th percentile, say that the machine is too busy to judge. */
export const MAX_LATENESS_MS = 50;

/** What annotated is given to recover, in breaker openings and beyond. */
export const RECOVERY = { share: 0.95, openings: 1.2, extraMs: 3_000 } as const;

/** How often the processes tell the demo what happened. */
export const REPORT_EVERY_MS = 100;
