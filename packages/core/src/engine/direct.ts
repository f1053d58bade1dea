import { enter, leave } from "../call/call.js";
import type { ParsedCallOptions } from "../call/call-options.js";
import { summarize } from "../errors/summary.js";
import { Refusal } from "../guards/guard.js";
import { type Judgement, JUDGED, VERDICTS } from "../verdicts/verdict.js";
import type { Admission, Handlers } from "./admission.js";
import { admit } from "./admit.js";
import { FirstCall } from "./first-call.js";
import { finalBy, judgeFailure, promiseOf, reportSettled } from "./outcome.js";
import type { Task } from "./plan.js";
import { refusalError, rejectSoon, reportRefusal } from "./refusals.js";
import { CallReport, keepReport } from "./report.js";
import { type Scope, scopeFor, type Scopes } from "./scope.js";

/**
 * For plans in which nothing can wait or repeat. Returns one chained `then` whose handlers all calls under the same
 * admission share: one promise and one tick over the bare call, and nothing made per call.
 */
export function direct(
  scopes: Scopes,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): Promise<unknown> {
  const signal = options?.signal ?? undefined;
  if (signal?.aborted === true) return rejectSoon(signal.reason);
  const scope = scopeFor(scopes, self, args, options);
  const answer = admit(scope, scope.plan.entrant);
  if (answer instanceof Refusal) return refuse(scope, answer);
  const frame = signal === undefined ? scope : new FirstCall(scope.plan.policy, scope.key, signal);
  const outer = enter(frame);
  let promise: Promise<unknown>;
  try {
    promise = promiseOf(
      args === undefined ? task(frame.toCall()) : task.apply(self, args as unknown[]),
    );
  } catch (error) {
    leave(outer);
    return Promise.reject(failed(scope, answer, error, signal));
  }
  leave(outer);
  const { onValue, onError } =
    signal === undefined ? shared(scope, answer) : handlersFor(scope, answer, signal);
  return promise.then(onValue, onError);
}

function shared(scope: Scope, admission: Admission): Handlers {
  return (admission.handlers ??= handlersFor(scope, admission, undefined));
}

function handlersFor(
  scope: Scope,
  admission: Admission,
  signal: AbortSignal | undefined,
): Handlers {
  return {
    onValue(value) {
      const judgement = scope.plan.classifier.result(value);
      settle(scope, admission, judgement, value);
      if (judgement !== JUDGED.success) keepReportOf(value, scope, judgement, signal);
      return value;
    },
    onError(error) {
      throw failed(scope, admission, error, signal);
    },
  };
}

function settle(scope: Scope, admission: Admission, judgement: Judgement, outcome: unknown): void {
  admission.exit(judgement, outcome);
  reportSettled(scope, 1, judgement);
}

/** The same error, once everybody has heard of it. */
function failed(
  scope: Scope,
  admission: Admission,
  error: unknown,
  signal: AbortSignal | undefined,
): unknown {
  const judgement = judgeFailure(scope.plan, error, signal);
  settle(scope, admission, judgement, error);
  keepReportOf(error, scope, judgement, signal);
  return error;
}

/** Also of a result that means failure: somebody may have thrown it. */
function keepReportOf(
  outcome: unknown,
  scope: Scope,
  judgement: Judgement,
  signal: AbortSignal | undefined,
): void {
  if (judgement.verdict !== VERDICTS.success)
    keepReport(outcome, new OnlyAttempt(scope, judgement, signal));
}

function refuse(scope: Scope, refusal: Refusal): Promise<never> {
  const error = refusalError(scope, refusal);
  reportRefusal(scope, error);
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
