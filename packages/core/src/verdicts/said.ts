import type { VerdictName } from "./verdict.js";

/** What a user's own rule may say of an outcome; `undefined` leaves it to the default rules. */
export type Said =
  | VerdictName
  | {
      readonly verdict: VerdictName;
      /** The dependency asked to be left alone for so long. */
      readonly retryAfterMs?: number;
      /** The dependency certainly did not process it. */
      readonly unsent?: boolean;
    }
  | undefined;

/** What outcomes mean, by error and by result. */
export interface OutcomeRules {
  /** Judges what the task threw; `undefined` leaves it to the default rules. */
  readonly error?: ((error: unknown) => Said) | undefined;
  /** Judges what the task resolved with; `undefined` leaves it to the default rules. */
  readonly result?: ((value: unknown) => Said) | undefined;
}
