import { random } from "../time/random.js";

/**
 * How delays are spread, so that callers which failed together don't come back together.
 *
 * The formulas are those of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
 */
export type Jitter = "none" | "full" | "equal" | "decorrelated";

export interface BackoffRules {
  readonly baseMs: number;
  readonly maxMs: number;
  readonly jitter: Jitter;
}

/** The delay after attempt `attempt` (from 1), in whole milliseconds. `previousMs` is the delay before it, 0 at first. */
export function backoffMs(
  { baseMs, maxMs, jitter }: BackoffRules,
  attempt: number,
  previousMs: number,
): number {
  const fullMs = Math.min(maxMs, baseMs * 2 ** (attempt - 1));
  switch (jitter) {
    case "none":
      return Math.round(fullMs);
    case "full":
      return Math.round(fullMs * random());
    case "equal":
      return Math.round(fullMs / 2 + (fullMs / 2) * random());
    case "decorrelated":
      return Math.round(Math.min(maxMs, between(baseMs, 3 * Math.max(baseMs, previousMs))));
  }
}

function between(low: number, high: number): number {
  return low + (high - low) * random();
}
