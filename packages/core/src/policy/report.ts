import type { EventDetails, EventType } from "../events/catalog.js";
import type { Abortable } from "../engine/work.js";
import { type ErrorSummary, summarize } from "../errors/summary.js";
import { LivePolicy } from "./live-policy.js";
import type { Policy } from "./policy.js";

/**
 * For adapters: tells those who listen to a policy what happened to what it protects.
 *
 * @example
 * reportEvent(policy, "client.failed", { state: "idle", error: summaryOf(error) });
 */
export function reportEvent<T extends EventType>(
  policy: Policy,
  type: T,
  details: EventDetails[T],
): void {
  if (policy instanceof LivePolicy) policy.report(type, details);
}

/** For adapters: an error as events carry it. */
export function summaryOf(error: unknown): ErrorSummary {
  return summarize(error);
}

/**
 * For adapters: `running` hears it when a drain of the policy has lost its patience, as the signals of calls do. For work
 * that makes no signal of its own. It may hear it more than once, and it is not kept alive by this.
 *
 * @example
 * tellOfDrain(policy, { abort: (reason) => cancelAllThatRuns(reason) });
 */
export function tellOfDrain(policy: Policy, running: Abortable): void {
  if (policy instanceof LivePolicy) policy.tellOfDrainWhileAlive(running);
}
