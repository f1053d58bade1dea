import type { ParsedCallOptions } from "../call/call-options.js";
import type { StoppedBy } from "../events/catalog.js";
import { backoffMs } from "../retry/backoff.js";
import { clock } from "../time/clock.js";
import { LONGEST_TIMER_MS } from "../time/duration.js";
import type { Judgement } from "../verdicts/verdict.js";
import type { History, Retry } from "./history.js";
import { mayRepeat } from "./may-repeat.js";
import { type Attempting, gaveUpInside, isForNobody } from "./nesting.js";
import { finalBy } from "./outcome.js";
import type { Place, Plan } from "./plan.js";

/** A call whose attempt has just failed. */
export interface FailedCall {
  readonly place: Place;
  readonly parent: Attempting | undefined;
  readonly signal: AbortSignal | undefined;
  readonly args: readonly unknown[] | undefined;
  readonly options: ParsedCallOptions | undefined;
  readonly attempt: Attempting;
  /** So far. */
  readonly attempts: number;
  readonly history: History;
  /** What is left of its deadline, or of one around it, is that of no whole attempt. */
  hasTooLittleTime(afterMs: number): boolean;
}

/**
 * Whether there is a next attempt, and when; or why not. Before any sleep, in this order: verdict, attempts, nested,
 * deadline, would a guard refuse, budget. What is paid for is given back if it does not come to that.
 */
export function decide(call: FailedCall, judgement: Judgement): Retry | StoppedBy {
  return whyNot(call, judgement) ?? pay(call, delayBefore(call, judgement));
}

/** The lesser of what the policy and the call allow. */
export function maxAttemptsOf({ retry }: Plan, options: ParsedCallOptions | undefined): number {
  return Math.min(retry.maxAttempts, options?.maxAttempts ?? Infinity);
}

/** What the delay has no part in. */
function whyNot(call: FailedCall, judgement: Judgement): StoppedBy | undefined {
  const { plan } = call.place;
  const { retry, work } = plan;
  const final = finalBy(judgement, call.signal);
  if (final !== undefined) return final;
  if (isForNobody(call.parent)) return "aborted";
  if (work.isDraining) return "drained";
  if (call.history.cutByDeadline) return "deadline";
  if (call.attempts >= maxAttemptsOf(plan, call.options)) return "attempts";
  if (!judgement.unsent && !mayRepeat(plan, call.args, call.options)) return "unsafe";
  if (!retry.nested && gaveUpInside(call.history.outcome.value, call.attempt)) return "nested";
  return judgement.retryAfterMs > retry.maxRetryAfterMs ? "hint" : undefined;
}

function delayBefore(
  { place, history, attempts }: FailedCall,
  { retryAfterMs }: Judgement,
): number {
  history.backoffMs = backoffMs(place.plan.retry, attempts, history.backoffMs);
  return Math.min(LONGEST_TIMER_MS, history.backoffMs + retryAfterMs);
}

function pay(call: FailedCall, delayMs: number): Retry | StoppedBy {
  const { plan, key, guards, credit } = call.place;
  if (call.hasTooLittleTime(delayMs)) return "deadline";
  const atMs = clock.now() + delayMs;
  if (plan.work.blockAt(key, atMs) !== undefined) return "refused";
  if (guards.some((guard) => guard.wouldRefuse(atMs))) return "refused";
  const withdrawal = credit?.withdraw();
  if (credit !== undefined && withdrawal === undefined) return "budget";
  return { delayMs, atMs, withdrawal, timer: undefined };
}
