/** What is remembered of one attempt, beside whether it was slow. A verdict is one. */
export interface Outcome {
  readonly failure: boolean;
  readonly timeout: boolean;
}

/** The outcomes of the last n attempts, or of the last n milliseconds, as sums. */
export interface OutcomeWindow {
  /** Rows of one shape mean nothing in the other. */
  readonly shape: WindowShape;
  readonly calls: number;
  readonly failures: number;
  readonly timeouts: number;
  readonly slow: number;
  record(outcome: Outcome, slow: boolean, nowMs: number): void;
  /** Drops what is too old; the sums are right after this or a `record`. */
  expire(nowMs: number): void;
  save(nowMs: number): SavedWindow;
}

export type WindowShape = "time" | "count";

/** Plain data: rows of [ageMs, calls, failures, timeouts, slow], oldest first; a count window's rows have age 0. */
export type SavedWindow = readonly (readonly [number, number, number, number, number])[];
