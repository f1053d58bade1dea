import { callInContext, enter, leave } from "../../call/call.js";
import type { ParsedCallOptions } from "../../call/call-options.js";
import { Refusal } from "../../guards/guard.js";
import { clock } from "../../time/clock.js";
import { Admission } from "../admission.js";
import { admitUnder } from "../admit.js";
import { FirstCall } from "../first-call.js";
import { attemptAround } from "../nesting.js";
import type { Task } from "../plan.js";
import { type Scope, scopeFor, type Scopes } from "../scope.js";
import { runTask, runTaskInContext } from "../task.js";
import type { Estimates } from "./estimates.js";
import { letThrough } from "./let-through.js";
import { Observed } from "./observed.js";

/**
 * Runs the task once, whatever the guards say, and cuts nothing short: the caller gets what the bare call would have
 * given. What an enforced policy would have done is counted. Plans that can only run once take the direct driver, which
 * does the same with less.
 */
export function shadow(
  scopes: Scopes,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): Promise<unknown> {
  const scope = scopeFor(scopes, self, args, options);
  const observed = begin(scope, args, options);
  const { call } = observed;
  const inContext = scope.plan.context || callInContext() !== undefined;
  const outer = enter(call);
  let promise: Promise<unknown>;
  try {
    promise = (inContext ? runTaskInContext : runTask)(task, self, args, call);
  } catch (error) {
    leave(outer);
    return Promise.reject(observed.failed(error));
  }
  leave(outer);
  return promise.then(
    (value) => observed.ended(value),
    (error: unknown) => {
      throw observed.failed(error);
    },
  );
}

function begin(
  scope: Scope,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): Observed {
  const { plan, credit } = scope;
  const around = attemptAround();
  const answer = admitUnder(scope, plan.entrant, around?.loans() ?? []);
  const isIn = answer instanceof Admission;
  if (isIn) credit?.depositForCall(clock.now());
  plan.counters.begun++;
  const admission = isIn ? answer : letThrough(scope, plan.estimates as Estimates, answer);
  const call = new FirstCall(scope, admission, options?.signal ?? undefined, around);
  return new Observed(scope, call, answer instanceof Refusal, args, options);
}
