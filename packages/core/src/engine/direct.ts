import { type CallOptions, enter, leave } from "../call/call.js";
import { summarize } from "../errors/summary.js";
import { Refusal } from "../guards/guard.js";
import type { Judgement } from "../verdicts/verdict.js";
import { type Admission, admit } from "./admission.js";
import { FirstCall } from "./first-call.js";
import { finalBy, judgeFailure, promiseOf, reportSettled } from "./outcome.js";
import type { Plan, Task } from "./plan.js";
import { refusalError, rejectSoon, reportRefusal } from "./refusals.js";
import { CallReport, keepReport } from "./report.js";
import { type Scope, scopeFor } from "./scope.js";

/**
 * For plans in which nothing can wait or repeat. Returns one chained `then` whose handlers all calls under the same
 * admission share: one promise and one tick over the bare call, and nothing made per call.
 */
export function direct(
  plan: Plan,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: CallOptions | undefined,
): Promise<unknown> {
  const signal = options?.signal;
  if (signal !== undefined && signal.aborted) return rejectSoon(signal.reason);
  const scope = scopeFor(plan, self, args, options);
  const answer = admit(scope, plan.entrant);
  if (answer instanceof Refusal) return refuse(scope, answer);
  return signal === undefined ? run(answer, task, self, args) : runWithSignal(answer, task, self, args, signal);
}

function run(admission: Admission, task: Task, self: unknown, args: readonly unknown[] | undefined): Promise<unknown> {
  const { scope } = admission;
  const outer = enter(scope);
  let returned: unknown;
  try {
    returned = args === undefined ? task(scope.toCall()) : task.apply(self, args as unknown[]);
  } catch (error) {
    return Promise.reject(failed(admission, error, undefined));
  } finally {
    leave(outer);
  }
  if (admission.onValue === undefined) listen(admission);
  return promiseOf(returned).then(admission.onValue, admission.onError);
}

function listen(admission: Admission): void {
  admission.onValue = (value) => {
    settle(admission, admission.scope.plan.classifier.result(value));
    return value;
  };
  admission.onError = (error) => {
    throw failed(admission, error, undefined);
  };
}

function runWithSignal(
  admission: Admission,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  signal: AbortSignal,
): Promise<unknown> {
  const { scope } = admission;
  const call = new FirstCall(scope.plan.policy, scope.key, signal);
  const outer = enter(call);
  let returned: unknown;
  try {
    returned = args === undefined ? task(call) : task.apply(self, args as unknown[]);
  } catch (error) {
    return Promise.reject(failed(admission, error, signal));
  } finally {
    leave(outer);
  }
  return promiseOf(returned).then(
    (value) => {
      settle(admission, scope.plan.classifier.result(value));
      return value;
    },
    (error) => {
      throw failed(admission, error, signal);
    },
  );
}

function settle(admission: Admission, judgement: Judgement, error?: unknown): void {
  admission.exit(judgement, error);
  reportSettled(admission.scope, 1, judgement);
}

/** The same error, once everybody has heard of it. */
function failed(admission: Admission, error: unknown, signal: AbortSignal | undefined): unknown {
  const judgement = judgeFailure(admission.scope.plan, error, signal);
  settle(admission, judgement, error);
  keepReport(error, new OnlyAttempt(admission.scope, judgement, signal));
  return error;
}

function refuse(scope: Scope, refusal: Refusal): Promise<never> {
  const error = refusalError(scope, refusal);
  reportRefusal(scope, error);
  keepReport(error, { report: () => new CallReport(scope.plan.policy, scope.key, [], "refused") });
  return rejectSoon(error);
}

class OnlyAttempt {
  readonly #scope: Scope;
  readonly #judgement: Judgement;
  readonly #aborted: boolean;

  constructor(scope: Scope, judgement: Judgement, signal: AbortSignal | undefined) {
    this.#scope = scope;
    this.#judgement = judgement;
    this.#aborted = signal?.aborted === true;
  }

  report(error: unknown): CallReport {
    const { plan, key } = this.#scope;
    const { verdict, unknown } = this.#judgement;
    const attempt = { attempt: 1, verdict: verdict.name, known: !unknown, error: summarize(error) };
    const by = finalBy(this.#judgement, undefined) ?? (this.#aborted ? "aborted" : "attempts");
    return new CallReport(plan.policy, key, [attempt], by);
  }
}
