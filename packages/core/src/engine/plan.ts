import type { Credit } from "../budget/credit.js";
import type { CallOptions } from "../call/call.js";
import type { Classifier } from "../classify/classifier.js";
import type { Events } from "../events/events.js";
import type { Entrant, Guard } from "../guards/guard.js";
import type { BackoffRules } from "../retry/backoff.js";
import type { Lane } from "../time/lane.js";
import type { Counters } from "./counters.js";
import type { Scope } from "./scope.js";

// oxlint-disable-next-line typescript/no-explicit-any -- a task takes whatever its caller gives it
export type Task = (...args: any[]) => unknown;

/** Runs one call by a plan. `args` undefined means that the task takes a call object. Never throws. */
export type Driver = (
  plan: Plan,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: CallOptions | undefined,
) => Promise<unknown>;

export interface RetryRules extends BackoffRules {
  readonly maxAttempts: number;
  readonly maxRetryAfterMs: number;
  readonly nested: boolean;
}

/** Everything a call needs to know, compiled once. Guards stand in the order in which they are asked. */
export interface Plan {
  readonly policy: string;
  readonly driver: Driver;
  /** Where calls without a key run. */
  readonly scope: Scope;
  scopeOf(key: string): Scope;
  readonly key: ((self: unknown, ...args: unknown[]) => unknown) | undefined;
  readonly idempotent: boolean | ((...args: unknown[]) => boolean) | undefined;
  readonly classifier: Classifier;
  readonly retry: RetryRules;
  readonly attemptTimeoutMs: number | undefined;
  readonly lane: Lane | undefined;
  readonly deadlineMs: number | undefined;
  readonly minAttemptMs: number;
  readonly entrant: Entrant;
  readonly context: boolean;
  readonly stackTraces: boolean;
  readonly counters: Counters;
  readonly events: Events;
}

/** The guards and the credit of one key, as a plan's parts gave them. */
export interface KeyedParts {
  readonly guards: readonly Guard[];
  readonly credit: Credit | undefined;
}
