import type { Credit } from "../budget/credit.js";
import type { Classifier } from "../classify/classifier.js";
import type { Events } from "../events/events.js";
import type { Entrant, Guard } from "../guards/guard.js";
import type { BackoffRules } from "../retry/backoff.js";
import type { Lane } from "../time/lane.js";
import type { Counters } from "./counters.js";
import type { Estimates } from "./shadow/estimates.js";
import type { Outbox } from "./dead-letters/outbox.js";
import type { Work } from "./work.js";

// oxlint-disable-next-line typescript/no-explicit-any -- a task takes whatever its caller gives it
export type Task = (...args: any[]) => unknown;

export interface RetryRules extends BackoffRules {
  readonly maxAttempts: number;
  readonly maxRetryAfterMs: number;
  readonly nested: boolean;
}

/** Everything that all calls of a policy have in common, compiled once. */
export interface Plan {
  readonly policy: string;
  readonly key: ((self: unknown, ...args: unknown[]) => unknown) | undefined;
  /** Calls on different objects run in different scopes. */
  readonly perInstance: boolean;
  /** All calls that say nothing else run in one scope. */
  readonly hasOneScope: boolean;
  readonly idempotent: boolean | ((...args: unknown[]) => boolean) | undefined;
  readonly classifier: Classifier;
  readonly retry: RetryRules;
  readonly attemptTimeoutMs: number | undefined;
  /** Of all attempts with the time of a whole `attemptTimeoutMs`. */
  readonly lane: Lane | undefined;
  /** Of all attempts that have the whole deadline before them. */
  readonly deadlineLane: Lane | undefined;
  readonly deadlineMs: number | undefined;
  readonly minAttemptMs: number;
  readonly entrant: Entrant;
  /** Tasks run in an asynchronous context of their own: what they begin after an `await` still belongs to them. */
  readonly context: boolean;
  /** A deadline is handed on to calls inside, through such a context. */
  readonly propagates: boolean;
  readonly stackTraces: boolean;
  readonly counters: Counters;
  readonly work: Work;
  /** There in shadow only: what would have been done is counted, and not done. */
  readonly estimates: Estimates | undefined;
  readonly events: Events;
  /** Gets the calls that were given up on. */
  readonly deadLetters: Outbox | undefined;
}

/** For events: no key is no field. */
export function atKey(key: string | undefined): { readonly key?: string } {
  return key === undefined ? {} : { key };
}

/** Where a call runs: the plan, and of one key the guards, in the order in which they are asked, and the credit. */
export interface Place {
  readonly plan: Plan;
  readonly key: string | undefined;
  readonly guards: readonly Guard[];
  readonly credit: Credit | undefined;
}
