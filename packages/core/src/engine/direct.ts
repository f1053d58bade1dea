import { type CallOptions, callInContext, enter, type Frame, leave } from "../call/call.js";
import type { ParsedCallOptions } from "../call/call-options.js";
import { Refusal } from "../guards/guard.js";
import { Admission, type SharedCall } from "./admission.js";
import { admit, admitUnder } from "./admit.js";
import { drive, driveAt } from "./drive.js";
import { FirstCall } from "./first-call.js";
import { attemptAround, endAround, isInsideTask } from "./nesting.js";
import { type Holder, settleOnly } from "./only-attempt.js";
import { judgeFailure } from "./outcome.js";
import type { Task } from "./plan.js";
import { refusalError, rejectSoon, reportRefusal } from "./refusals.js";
import { type Scope, scopeFor, type Scopes } from "./scope.js";
import { letThrough } from "./shadow/let-through.js";
import { shadow } from "./shadow/shadow.js";
import { runTask, runTaskInContext } from "./task.js";
import { Turn } from "./turn.js";

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
  if (options !== undefined || isInsideTask())
    return directWith(scopes, task, self, args, options ?? {});
  const scope = scopeFor(scopes, self, args, undefined);
  const answer = admit(scope, scope.plan.entrant);
  if (answer instanceof Admission) return run(scope, answer, task, self, args);
  const { estimates } = scope.plan;
  if (estimates !== undefined)
    return run(scope, letThrough(scope, estimates, answer), task, self, args);
  if (answer instanceof Refusal) return refuse(scope, answer);
  return driveInstead(answer, scope, task, self, args, {});
}

function run(
  scope: Scope,
  admission: Admission,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
): Promise<unknown> {
  const shared = (admission.shared ??= new Shared(scope, admission));
  scope.plan.counters.begun++;
  const outer = enter(shared);
  let promise: Promise<unknown>;
  try {
    promise = runTask(task, self, args, shared);
  } catch (error) {
    return Promise.reject(failed(scope, holderOf(leave(outer), admission), error, undefined));
  }
  const left = leave(outer);
  const { onValue, onError } = left === shared ? shared : handlersAfter(scope, left, shared);
  return promise.then(onValue, onError);
}

/** A call with options, or inside another one: it has something of its own. */
function directWith(
  scopes: Scopes,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions,
): Promise<unknown> {
  if (scopes.plan.estimates !== undefined) return shadow(scopes, task, self, args, options);
  const signal = options.signal ?? undefined;
  if (signal?.aborted === true) return rejectSoon(signal.reason);
  const around = attemptAround();
  const hasDeadline = isSet(options.deadlineMs) || endAround(around) !== Infinity;
  if (hasDeadline || isSet(options.classify)) return drive(scopes, task, self, args, options);
  const scope = scopeFor(scopes, self, args, options);
  const answer = admitUnder(scope, scope.plan.entrant, around?.loans() ?? []);
  if (answer instanceof Refusal) return refuse(scope, answer);
  if (answer instanceof Turn) return driveInstead(answer, scope, task, self, args, options);
  const call = new FirstCall(scope, answer, signal, around);
  scope.plan.counters.begun++;
  const start = callInContext() === undefined ? runTask : runTaskInContext;
  const outer = enter(call);
  let promise: Promise<unknown>;
  try {
    promise = start(task, self, args, call);
  } catch (error) {
    leave(outer);
    return Promise.reject(failed(scope, call, error, signal));
  }
  leave(outer);
  const { onValue, onError } = handlersFor(scope, call, signal);
  return promise.then(onValue, onError);
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** One of its guards has a queue, and is full: this call has to wait after all. */
function driveInstead(
  { waiter }: Turn,
  scope: Scope,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions,
): Promise<unknown> {
  waiter.giveUp();
  return driveAt(scope, task, self, args, options);
}

/** The frame and the handlers of all calls under one admission that have nothing of their own. */
class Shared implements SharedCall {
  readonly onValue: SharedCall["onValue"];
  readonly onError: SharedCall["onError"];
  readonly #scope: Scope;
  readonly #admission: Admission;

  constructor(scope: Scope, admission: Admission) {
    this.#scope = scope;
    this.#admission = admission;
    const { onValue, onError } = handlersFor(scope, admission, undefined);
    this.onValue = onValue;
    this.onError = onError;
  }

  get callOptions(): CallOptions | undefined {
    return undefined;
  }

  toCall(): FirstCall {
    return new FirstCall(this.#scope, this.#admission, undefined, undefined);
  }
}

/** The task has asked for its call; if it has begun calls inside, those run under some of what it holds. */
function handlersAfter(scope: Scope, left: Frame | undefined, shared: Handlers): Handlers {
  return left instanceof FirstCall && left.hasLent ? handlersFor(scope, left, undefined) : shared;
}

function holderOf(left: Frame | undefined, admission: Admission): Holder {
  return left instanceof FirstCall ? left : admission;
}

type Handlers = Pick<SharedCall, "onValue" | "onError">;

function handlersFor(scope: Scope, holder: Holder, signal: AbortSignal | undefined): Handlers {
  return {
    onValue(value) {
      settleOnly(scope, holder, scope.plan.classifier.result(value), value, signal);
      return value;
    },
    onError(error) {
      throw failed(scope, holder, error, signal);
    },
  };
}

/** The same error, once everybody has heard of it. */
function failed(
  scope: Scope,
  holder: Holder,
  error: unknown,
  signal: AbortSignal | undefined,
): unknown {
  settleOnly(scope, holder, judgeFailure(scope.plan, error, signal), error, signal);
  return error;
}

function refuse(scope: Scope, refusal: Refusal): Promise<never> {
  const error = refusalError(scope, refusal);
  reportRefusal(scope, error);
  return rejectSoon(error);
}
