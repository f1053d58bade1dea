import type { ParsedCallOptions } from "../call/call-options.js";
import { summarize } from "../errors/summary.js";
import type { VerdictName } from "../verdicts/verdict.js";
import { isReplayed } from "./dead-letters/replayed.js";
import type { Driver } from "./driver.js";
import { judgeFailure } from "./outcome.js";
import type { Plan } from "./plan.js";

/** Answers in place of a call that has failed: gets the error, and what the call got. */
export type FallbackFunction = (error: unknown, ...args: never[]) => unknown;

/** Who answers for a call that has failed, and for which failures. */
export interface FallbackPlan {
  readonly answer: FallbackFunction | string;
  readonly on: ReadonlySet<VerdictName>;
}

/**
 * Outside of everything else: only a call that is over, with all its retries, is answered for. Not the replay of a dead
 * letter: what has been answered for has not been done.
 */
export function withFallback(driver: Driver, fallback: FallbackPlan): Driver {
  return (scopes, task, self, args, options) =>
    driver(scopes, task, self, args, options).then(undefined, (error: unknown) => {
      if (isReplayed(task)) throw error;
      return answerFor(error, scopes.plan, fallback, self, args, options);
    });
}

function answerFor(
  error: unknown,
  plan: Plan,
  { answer, on }: FallbackPlan,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): unknown {
  const classifier = plan.classifier.forCall(options?.classify);
  const { verdict } = judgeFailure({ classifier }, error, options?.signal ?? undefined);
  if (!on.has(verdict.name)) throw error;
  const method = functionOf(answer, self);
  if (method === undefined) return reportMissing(plan, answer as string, error);
  plan.counters.fallbacks++;
  if (plan.events.wanted)
    plan.events.emit("fallback.used", { verdict: verdict.name, error: summarize(error) });
  return method.call(self, error, ...((args ?? []) as never[]));
}

function functionOf(answer: FallbackPlan["answer"], self: unknown): FallbackFunction | undefined {
  if (typeof answer === "function") return answer;
  const method: unknown =
    self === undefined || self === null ? undefined : Reflect.get(Object(self) as object, answer);
  return typeof method === "function" ? (method as () => unknown) : undefined;
}

/** A mistake of ours to make must not hide the user's error. */
function reportMissing({ events }: Plan, name: string, error: unknown): never {
  const mistake = new TypeError(
    `fallback: ${JSON.stringify(name)} is no method of the object called`,
  );
  events.emit("hook.failed", { hook: "fallback", error: summarize(mistake) });
  throw error;
}
