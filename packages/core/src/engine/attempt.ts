import type { Credit } from "../budget/credit.js";
import { type Call, type CallOptions, enter, type Frame, leave } from "../call/call.js";
import type { Classifier } from "../classify/classifier.js";
import { discardResult } from "../classify/judge-result.js";
import type { Loan, Pass } from "../guards/guard.js";
import { clock } from "../time/clock.js";
import { Lane, type Wait } from "../time/lane.js";
import { type Judgement, JUDGED, VERDICTS } from "../verdicts/verdict.js";
import type { Admission } from "./admission.js";
import { hadItsTime } from "./cut-short.js";
import { attempting, type Attempting, moment, type Nested } from "./nesting.js";
import { judgeFailure, reportSettled } from "./outcome.js";
import type { Place, Task } from "./plan.js";
import { runTask, runTaskInContext } from "./task.js";
import type { Abortable } from "./work.js";

/** The call that an attempt belongs to. */
export interface Owner extends Nested {
  readonly scope: Place;
  readonly task: Task;
  readonly self: unknown;
  readonly args: readonly unknown[] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly classifier: Classifier;
  readonly idempotencyKey: string;
  readonly credit: Credit | undefined;
  readonly ownEndMs: number;
  /** Its tasks run in an asynchronous context of their own. */
  readonly hasContext: boolean;
  /** Somebody may wait for the caller's abort: make sure that it is heard. */
  listen(): void;
  /** The time of an attempt is over: how much longer it may run all the same, as what cut it short no longer holds. */
  extraTimeMs(attempt: Attempt): number;
  timeoutError(attempt: Attempt): Error;
  succeeded(value: unknown): void;
  /** `thrown` false says that the task resolved, with a result that means failure. */
  failed(judgement: Judgement, outcome: unknown, thrown: boolean): void;
}

/**
 * One run of the task. It settles once; what the task does later only gives back what it still holds. It is its own
 * place in the lane of its timeout, and the fence that late results stop at.
 *
 * It extends nothing: a base class would cost a tenth of the call.
 */
export class Attempt implements Wait, Attempting, Frame, Abortable {
  next: Wait | undefined = undefined;
  previous: Wait | undefined = undefined;
  dueMs = 0;
  readonly call: Owner;
  readonly number: number;
  readonly began: number = moment();
  /** How long it may run: what its timeout allows, within what is left of the deadline. */
  limitMs: number | undefined;
  isOver = false;
  isLost = false;
  /** Passes of work that goes on although the attempt is over. */
  overstays: readonly Pass[] | undefined = undefined;
  #admission: Admission;
  #loans: readonly Loan[] | undefined = undefined;
  #lane: Lane | undefined = undefined;
  #expiredWith: unknown = undefined;
  /** The caller's own signal, or the controller of one that we abort; made on the first reading. */
  #abortable: AbortController | AbortSignal | undefined = undefined;

  constructor(call: Owner, admission: Admission, number: number, limitMs: number | undefined) {
    this.call = call;
    this.number = number;
    this.limitMs = limitMs;
    this.#admission = admission;
  }

  begin(nowMs: number): void {
    const { task, self, args, hasContext, scope } = this.call;
    scope.plan.counters.begun++;
    if (this.limitMs !== undefined) this.#limitTime(this.limitMs, nowMs);
    const outer = enter(this);
    let promise: Promise<unknown>;
    try {
      promise = hasContext
        ? runTaskInContext(task, self, args, this.toCall())
        : runTask(task, self, args, this);
    } catch (error) {
      leave(outer);
      return this.#failed(error);
    }
    leave(outer);
    promise.then(
      (value) => this.#succeeded(value),
      (error: unknown) => this.#failed(error),
    );
  }

  /** What calls inside it may run under. Once it is over it holds nothing that it could lend. */
  loans(): readonly Loan[] {
    if (this.isOver || this.overstays !== undefined) return [];
    return (this.#loans ??= this.#lend());
  }

  /** From the lane. `stalledMs` over 0: the process stood still, so the dependency is not to blame. */
  expired(stalledMs: number): void {
    const { scope, signal } = this.call;
    const extraMs = this.call.extraTimeMs(this);
    if (extraMs > 0) return this.#extend(extraMs);
    this.isOver = this.isLost = true;
    scope.plan.counters.expired++;
    scope.plan.work.listensNoLonger(this);
    if (stalledMs > 0) scope.plan.events.stalled(stalledMs);
    if (signal?.aborted === true) return this.#expiredAfterAbort(signal);
    const error = this.call.timeoutError(this);
    const heldAgainst = stalledMs === 0 && hadItsTime(scope.plan, this.limitMs ?? 0);
    this.#leaveWork(heldAgainst ? JUDGED.timeout : JUDGED.ignored, error);
    reportSettled(scope, this.number, JUDGED.timeout);
    this.#expiredWith = error;
    this.abort(error);
    this.call.failed(JUDGED.timeout, error, true);
  }

  /** The caller had given up before, and the task did not heed it. */
  #expiredAfterAbort({ reason }: AbortSignal): void {
    const judgement = judgeFailure(this.call, reason, this.call.signal);
    this.#leaveWork(judgement, reason);
    reportSettled(this.call.scope, this.number, judgement);
    this.#expiredWith = reason;
    this.abort(reason);
    this.call.failed(judgement, reason, true);
  }

  /** The caller gave up while the task runs: the task is told, and decides itself how the call ends. */
  callerGaveUp(reason: unknown): void {
    this.isLost = true;
    this.#leaveWork(judgeFailure(this.call, reason, this.call.signal), reason);
    this.abort(reason);
  }

  abort(reason: unknown): void {
    if (this.#abortable instanceof AbortController) this.#abortable.abort(reason);
  }

  get signal(): AbortSignal {
    this.#abortable ??= this.#makeAbortable();
    return this.#abortable instanceof AbortController ? this.#abortable.signal : this.#abortable;
  }

  get remainingMs(): number | undefined {
    if (this.limitMs === undefined) return undefined;
    if (this.isOver || this.dueMs === 0) return this.isOver ? 0 : this.limitMs;
    return Math.max(0, this.dueMs - clock.stalenessMs - clock.now());
  }

  get callOptions(): CallOptions | undefined {
    return undefined;
  }

  toCall(): CallOfAttempt {
    return new CallOfAttempt(this);
  }

  #lend(): readonly Loan[] {
    const { admission, loans } = this.#admission.toLend();
    this.#admission = admission;
    return [...loans, ...(this.call.parent?.loans() ?? [])];
  }

  /** What a deadline has left is a duration of this attempt alone, so it gets a lane of its own. */
  #limitTime(limitMs: number, nowMs: number): void {
    const { attemptTimeoutMs, lane, deadlineMs, deadlineLane } = this.call.scope.plan;
    if (limitMs === attemptTimeoutMs) this.#lane = lane;
    else if (limitMs === deadlineMs) this.#lane = deadlineLane;
    else this.#lane = new Lane(Math.max(1, limitMs));
    this.#lane?.add(this, nowMs);
  }

  #extend(extraMs: number): void {
    this.limitMs = extraMs === Infinity ? undefined : (this.limitMs ?? 0) + extraMs;
    this.#lane = extraMs === Infinity ? undefined : new Lane(Math.max(1, extraMs));
    this.#lane?.add(this, clock.now());
  }

  #makeAbortable(): AbortController | AbortSignal {
    const { signal, scope } = this.call;
    scope.plan.counters.signalWasRead = true;
    if (signal !== undefined && (this.limitMs === undefined || signal.aborted)) return signal;
    const controller = new AbortController();
    this.#abortable = controller;
    if (!this.isOver) scope.plan.work.listens(this);
    if (this.#expiredWith === undefined) this.call.listen();
    else controller.abort(this.#expiredWith); // read only after its time was over
    return controller;
  }

  #succeeded(value: unknown): void {
    if (this.isOver) {
      this.#endLate();
      return discardResult(value);
    }
    const judgement = this.call.classifier.result(value);
    this.#settle(judgement, value);
    if (judgement.verdict === VERDICTS.success) this.call.succeeded(value);
    else this.call.failed(judgement, value, false);
  }

  #failed(error: unknown): void {
    if (this.isOver) return this.#endLate();
    const judgement = judgeFailure(this.call, error, this.call.signal);
    this.#settle(judgement, error);
    this.call.failed(judgement, error, true);
  }

  #settle(judgement: Judgement, outcome: unknown): void {
    this.isOver = true;
    if (judgement.verdict !== VERDICTS.success) this.isLost = true;
    if (this.#lane !== undefined) this.#lane.remove(this);
    if (this.#abortable !== undefined) this.call.scope.plan.work.listensNoLonger(this);
    if (this.overstays === undefined) this.#admission.exit(judgement, outcome);
    else this.#exitOverstays();
    reportSettled(this.call.scope, this.number, judgement);
  }

  /** The guards learn, once; permits stay with the work. */
  #leaveWork(judgement: Judgement, error: unknown): void {
    this.overstays ??= this.#admission.outlive(judgement, error);
  }

  #endLate(): void {
    this.call.scope.plan.counters.late++;
    this.#exitOverstays();
  }

  #exitOverstays(): void {
    for (const pass of this.overstays ?? []) pass.exit(JUDGED.ignored);
    this.overstays = [];
  }
}

/** An attempt as its task sees it. */
class CallOfAttempt implements Call, Frame {
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get attempt(): number {
    return this.#attempt.number;
  }

  get remainingMs(): number | undefined {
    return this.#attempt.remainingMs;
  }

  get key(): string | undefined {
    return this.#attempt.call.scope.key;
  }

  get policy(): string {
    return this.#attempt.call.scope.plan.policy;
  }

  get idempotencyKey(): string {
    return this.#attempt.call.idempotencyKey;
  }

  get callOptions(): CallOptions | undefined {
    return undefined;
  }

  get [attempting](): Attempting {
    return this.#attempt;
  }

  toCall(): this {
    return this;
  }
}
