/** What is remembered of one attempt, beside whether it was slow. A verdict is one. */
export interface Outcome {
  readonly failure: boolean;
  readonly timeout: boolean;
}

/** Sums over the outcomes that are still in the window. */
export interface WindowTotals {
  calls: number;
  failures: number;
  timeouts: number;
  slow: number;
}

/** The outcomes of the last n attempts, or of the last n milliseconds. */
export interface OutcomeWindow {
  readonly totals: Readonly<WindowTotals>;
  record(outcome: Outcome, slow: boolean, nowMs: number): void;
  /** Drops what is too old; totals are right after this or a `record`. */
  expire(nowMs: number): void;
  save(nowMs: number): SavedWindow;
}

/** Plain data: rows of [ageMs, calls, failures, timeouts, slow], oldest first; a count window's rows have age 0. */
export type SavedWindow = readonly (readonly [number, number, number, number, number])[];

export const noTotals = (): WindowTotals => ({ calls: 0, failures: 0, timeouts: 0, slow: 0 });
