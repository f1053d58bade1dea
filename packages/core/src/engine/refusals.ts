import { BreakwaterError, withoutStack } from "../errors/errors.js";
import { Refusal } from "../guards/guard.js";
import type { Place } from "./plan.js";

/** The error of a refused call: a fresh one for each, so that nobody's changes to it reach anybody else. */
export function refusalError({ plan, key }: Place, refusal: Refusal): BreakwaterError {
  const { code, guard } = refusal;
  const at = key === undefined ? "" : ` at ${JSON.stringify(key)}`;
  const message = `${plan.policy} refused the call${at}: ${refusal.describe()}. The task did not run.`;
  const details = {
    policy: plan.policy,
    guard,
    key,
    retryAfterMs: refusal.retryAfterMs(),
    cause: refusal.cause(),
  };
  return plan.stackTraces
    ? new BreakwaterError(code, message, details)
    : withoutStack(code, message, details);
}

/** Counts and tells that the first attempt of a call was refused. */
export function reportRefusal(
  { plan, key }: Place,
  { guard, code, retryAfterMs }: Pick<BreakwaterError, "guard" | "code" | "retryAfterMs">,
): void {
  plan.counters.refusedCalls++;
  if (!plan.events.wanted) return;
  plan.events.refused({
    code,
    retryAfterMs: retryAfterMs ?? 0,
    ...(guard === undefined ? {} : { guard }),
    ...(key === undefined ? {} : { key }),
  });
}

/** The policy takes no calls any more. */
export class Drained extends Refusal {
  readonly code = "ERR_DRAINING";
  readonly guard: string;

  constructor(policy: string) {
    super();
    this.guard = policy;
  }

  retryAfterMs(): number {
    return 0;
  }

  describe(): string {
    return "it is being drained";
  }
}

/**
 * A rejection that the caller's handler is in time for: made in a microtask, it costs half of `Promise.reject`, which
 * Node first takes for unhandled. An unawaited one still raises `unhandledRejection`.
 */
export function rejectSoon(error: unknown): Promise<never> {
  return new Promise((_, reject) => queueMicrotask(() => reject(error)));
}
