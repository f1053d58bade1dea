import type { Classifier } from "../classify/classifier.js";
import type { Events } from "../events/events.js";
import type { Entrant } from "../guards/guard.js";
import type { BackoffRules } from "../retry/backoff.js";
import type { Lane } from "../time/lane.js";
import type { Counters } from "./counters.js";

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
