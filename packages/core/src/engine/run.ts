import type { Credit } from "../budget/credit.js";
import { callInContext } from "../call/call.js";
import type { ParsedCallOptions } from "../call/call-options.js";
import { Whereabouts } from "../call/whereabouts.js";
import type { Classifier } from "../classify/classifier.js";
import type { BreakwaterError } from "../errors/errors.js";
import type { StoppedBy } from "../events/catalog.js";
import { type Entrant, type Guard, Loan, type Pass, Refusal } from "../guards/guard.js";
import { clock } from "../time/clock.js";
import { uuid } from "../time/random.js";
import type { Judgement } from "../verdicts/verdict.js";
import { Admission } from "./admission.js";
import { admit, admitUnder } from "./admit.js";
import { Attempt, type Owner } from "./attempt.js";
import { attemptTimeout, deadlineExceeded } from "./cut-short.js";
import { deadlineOf } from "./deadline.js";
import { decide, type FailedCall, maxAttemptsOf } from "./decide.js";
import { deferred, type Settle, unset } from "./deferred.js";
import { History, type Outcome, type Retry } from "./history.js";
import {
  attemptAround,
  type Attempting,
  endAround,
  hasDeposited,
  isForNobody,
  markGivenUp,
  moment,
} from "./nesting.js";
import type { Task } from "./plan.js";
import { Drained, refusalError, rejectSoon, reportRefusal } from "./refusals.js";
import { keepReport } from "./report.js";
import type { Scope } from "./scope.js";
import { tellDenied, tellScheduled } from "./tell-retries.js";
import { Granted, Turn } from "./turn.js";
import type { WaitingCall, WaitsFor } from "./work.js";

/**
 * One call: admit, run, settle, decide, wait. Each step hands over to the next; `succeeded`, `#refused` and `#stop` are
 * the ways out.
 */
export class Run implements Owner, WaitingCall {
  readonly scope: Scope;
  readonly task: Task;
  readonly self: unknown;
  readonly args: readonly unknown[] | undefined;
  readonly began: number = moment();
  parent: Attempting | undefined = undefined;
  ownEndMs = Infinity;
  resolve: Settle = unset;
  reject: Settle = unset;
  readonly #options: ParsedCallOptions | undefined;
  #beganMs: number = clock.now();
  #attempt: Attempt | undefined = undefined;
  #attempts = 0;
  /** What has gone wrong so far: made with the first failure. */
  #history: History | undefined = undefined;
  #turn: Turn | undefined = undefined;
  #idempotencyKey: string | undefined = undefined;
  /** Noted once something else may end what it waits for. */
  #whereabouts: Whereabouts | undefined = undefined;
  #listening: "not yet" | "yes" | "no more" = "not yet";

  constructor(
    scope: Scope,
    task: Task,
    self: unknown,
    args: readonly unknown[] | undefined,
    options: ParsedCallOptions | undefined,
  ) {
    this.scope = scope;
    this.task = task;
    this.self = self;
    this.args = args;
    this.#options = options;
  }

  get isLimited(): boolean {
    return this.scope.plan.deadlineMs !== undefined || this.#options?.deadlineMs !== undefined;
  }

  /** Finds out what is around it, and by when it has to end. */
  limit(): void {
    this.parent = attemptAround();
    if (!this.isLimited && endAround(this.parent) === Infinity) return;
    // A deadline is counted from here, so its beginning must not be stale.
    this.#beganMs = clock.read();
    this.ownEndMs = this.#beganMs + (this.#deadlineMs ?? Infinity);
  }

  start(): Promise<unknown> {
    if (this.endsMs !== Infinity && this.#hasTooLittleTime(0)) return this.#refuseForTime();
    const isPlain = this.parent === undefined && this.endsMs === Infinity;
    const answer = isPlain ? admit(this.scope, this.scope.plan.entrant) : this.#admit([]);
    if (answer instanceof Refusal) return this.#refuse(refusalError(this.scope, answer));
    const promise = deferred(this);
    if (answer instanceof Admission) this.#begin(answer, this.#beganMs);
    else this.#queue(answer);
    return promise;
  }

  /** By when it has to end: its own deadline, or one around it; `Infinity` without any. */
  get endsMs(): number {
    const { ownEndMs, parent } = this;
    return parent === undefined ? ownEndMs : Math.min(ownEndMs, endAround(parent));
  }

  get signal(): AbortSignal | undefined {
    return this.#options?.signal ?? undefined;
  }

  get classifier(): Classifier {
    const { classifier } = this.scope.plan;
    return this.#options === undefined ? classifier : classifier.forCall(this.#options.classify);
  }

  get credit(): Credit | undefined {
    return this.scope.credit;
  }

  get idempotencyKey(): string {
    return (this.#idempotencyKey ??= uuid());
  }

  /** Inside a context everything has one: else what it begins later would be taken for the outer call's. */
  get hasContext(): boolean {
    const { context, propagates } = this.scope.plan;
    return context || (propagates && this.endsMs !== Infinity) || callInContext() !== undefined;
  }

  /** A listener costs 220 ns: added only once there is something of ours to cut short. */
  listen(): void {
    if (this.signal === undefined || this.#listening !== "not yet") return;
    this.#listening = "yes";
    this.signal.addEventListener("abort", this, { once: true });
  }

  /** The caller gave up: a running task is told and decides itself how it ends; a wait ends at once. */
  handleEvent(): void {
    const reason: unknown = this.signal?.reason;
    if (this.#turn === undefined && this.#history?.retry === undefined)
      return this.#attempt?.callerGaveUp(reason);
    this.#stopWaiting();
    this.#history?.discardOutcome();
    this.#giveBack("aborted", { value: reason, thrown: true });
  }

  /** The policy is being drained: what waits ends now, with what it has got. */
  drain(): WaitsFor {
    const waitedFor = this.#attempts === 0 ? "turn" : "retry";
    this.#stopWaiting();
    if (this.#attempts === 0) this.#refused(new Drained(this.scope.plan.policy));
    else this.#giveBack("drained", this.#history?.outcome);
    return waitedFor;
  }

  /** The deadline of a call around this one that has ended well meanwhile holds no longer. */
  extraTimeMs({ limitMs = 0 }: Attempt): number {
    if (this.parent === undefined) return 0;
    const { attemptTimeoutMs = Infinity } = this.scope.plan;
    return Math.max(0, Math.min(attemptTimeoutMs - limitMs, this.#timeLeftMs(clock.now())));
  }

  timeoutError({ limitMs = 0, number }: Attempt): BreakwaterError {
    const { attemptTimeoutMs = Infinity } = this.scope.plan;
    if (limitMs >= attemptTimeoutMs)
      return attemptTimeout(this.scope, number, limitMs, this.#history?.outcome.value);
    this.#troubles.cutByDeadline = true;
    return this.#deadlineExceeded();
  }

  succeeded(value: unknown): void {
    this.#ownCredit?.depositForAnswer(this.#beganMs);
    this.#end();
    this.resolve(value);
  }

  failed(judgement: Judgement, value: unknown, thrown: boolean): void {
    if (judgement.verdict.alive) this.#ownCredit?.depositForAnswer(this.#beganMs);
    const history = this.#troubles;
    history.failed(this.#attempts, judgement, { value, thrown });
    const decision = decide(this.#situation(history), judgement);
    if (typeof decision === "string") this.#stop(decision, history.outcome);
    else this.#wait(decision, judgement, history);
  }

  #admit(granted: readonly Loan[]): Admission | Refusal | Turn {
    const retained = this.#history?.retain(this.#attempt?.overstays) ?? [];
    const loans = [...granted, ...retained, ...(this.parent?.loans() ?? [])];
    return admitUnder(this.scope, this.#entrant(), loans);
  }

  #entrant(): Entrant {
    const { entrant, minAttemptMs } = this.scope.plan;
    if (this.endsMs === Infinity) return entrant;
    return { ...entrant, mostWaitMs: this.#timeLeftMs(clock.now()) - minAttemptMs };
  }

  #proceed(answer: Admission | Refusal | Turn): void {
    if (answer instanceof Admission) this.#begin(answer, clock.now());
    else if (answer instanceof Turn) this.#queue(answer);
    else this.#refused(answer);
  }

  #queue(turn: Turn): void {
    this.#turn = turn;
    this.scope.plan.work.waits(this);
    this.listen();
    this.#whereabouts ??= new Whereabouts();
    turn.waiter.ready = (answer) => this.#goOn(() => this.#turnCame(turn.guard, answer));
  }

  #goOn(step: () => void): void {
    if (this.#whereabouts === undefined) step();
    else this.#whereabouts.goOn(step);
  }

  /** The other guards are asked again: much may have happened meanwhile. */
  #turnCame(guard: Guard, answer: Pass | Refusal): void {
    this.#turn = undefined;
    this.scope.plan.work.waitsNoLonger(this);
    if (answer instanceof Refusal) return this.#refused(answer);
    const granted = new Granted(guard, answer);
    if (this.#isForNobody || this.#hasTooLittleTime(0)) {
      granted.giveBackUnused();
      return this.#isForNobody ? this.#stopForNobody() : this.#ranOutOfTime();
    }
    const next = this.#admit([granted]);
    granted.giveBackUnused();
    this.#proceed(next);
  }

  #begin(admission: Admission, nowMs: number): void {
    const { plan } = this.scope;
    if (this.#attempts === 0) this.#ownCredit?.depositForCall(this.#beganMs);
    else plan.counters.retries++;
    if (plan.lane !== undefined && plan.retry.maxAttempts > 1)
      this.#whereabouts ??= new Whereabouts();
    if (this.#history !== undefined) this.#leaveBehind(this.#history);
    const limitMs = this.endsMs === Infinity ? plan.attemptTimeoutMs : this.#limitMs(nowMs);
    this.#attempt = new Attempt(this, admission, ++this.#attempts, limitMs);
    this.#attempt.begin(nowMs);
  }

  #limitMs(nowMs: number): number {
    const { attemptTimeoutMs = Infinity } = this.scope.plan;
    return Math.min(attemptTimeoutMs, this.#timeLeftMs(nowMs));
  }

  #situation(history: History): FailedCall {
    return {
      place: this.scope,
      parent: this.parent,
      signal: this.signal,
      args: this.args,
      options: this.#options,
      attempt: this.#attempt as Attempt,
      attempts: this.#attempts,
      history,
      hasTooLittleTime: (afterMs) => this.#hasTooLittleTime(afterMs),
    };
  }

  #wait(retry: Retry, { verdict }: Judgement, history: History): void {
    const { delayMs } = retry;
    history.waits(retry);
    tellScheduled(this.scope, this.#attempts + 1, delayMs, verdict.name);
    if (delayMs === 0) return this.#goOn(() => this.#again());
    this.scope.plan.work.waits(this);
    this.listen();
    retry.timer = clock.setTimer(() => this.#goOn(() => this.#again()), delayMs);
  }

  #again(): void {
    const retry = this.#history?.retry;
    if (retry === undefined) return; // a timer of a clock that has been replaced meanwhile
    retry.timer = undefined;
    this.scope.plan.work.waitsNoLonger(this);
    if (this.signal?.aborted === true)
      return this.#giveBack("aborted", { value: this.signal.reason, thrown: true });
    if (this.#isForNobody) return this.#stopForNobody();
    if (this.#hasTooLittleTime(0)) return this.#giveBack("deadline", this.#history?.outcome);
    this.#proceed(this.#admit([]));
  }

  #stopWaiting(): void {
    this.#turn?.waiter.giveUp();
    this.#turn = undefined;
    this.scope.plan.work.waitsNoLonger(this);
    clock.clearTimer(this.#history?.retry?.timer);
  }

  get #troubles(): History {
    return (this.#history ??= new History(this.scope));
  }

  /** The next attempt begins: nobody will get what the last one ended with. */
  #leaveBehind(history: History): void {
    history.retry = undefined;
    history.discardOutcome();
  }

  /** The retry that was paid for does not run: its token goes back. */
  #giveBack(by: StoppedBy, outcome: Outcome | undefined): void {
    this.#history?.refund();
    this.#stop(by, outcome as Outcome);
  }

  #stop(by: StoppedBy, { value, thrown }: Outcome): void {
    this.#end();
    if (by !== "permanent" && by !== "ignored" && by !== "aborted") this.#giveUp(by, value);
    if (this.#history !== undefined) this.#keep(this.#history.stopped(by), by, value);
    if (thrown) this.reject(value);
    else this.resolve(value);
  }

  #keep(history: History, stoppedBy: StoppedBy, value: unknown): void {
    keepReport(value, history);
    const { plan, key } = this.scope;
    const { task, args } = this;
    const idempotencyKey = this.#idempotencyKey;
    const { policy, events } = plan;
    plan.deadLetters?.offer({
      policy,
      events,
      key,
      task,
      args,
      idempotencyKey,
      history,
      stoppedBy,
    });
  }

  /** Somebody might want to try again: policies around this one must not, and listeners should know what was denied. */
  #giveUp(by: Exclude<StoppedBy, "permanent" | "ignored" | "aborted">, value: unknown): void {
    if (maxAttemptsOf(this.scope.plan, this.#options) === 1) return;
    markGivenUp(value, this);
    if (by !== "attempts") tellDenied(this.scope, this.#attempts + 1, by);
  }

  /** After a wait. If an attempt has run, the caller gets what that ended with. */
  #refused(refusal: Refusal): void {
    // Whose wait a deadline cuts short has exactly as much time left as an attempt needs.
    const isForTime = this.#timeLeftMs(clock.now()) <= this.scope.plan.minAttemptMs;
    if (isForTime) return this.#ranOutOfTime();
    if (this.#attempts > 0) return this.#giveBack("refused", this.#history?.outcome);
    this.#end();
    this.reject(this.#refusal(refusalError(this.scope, refusal)));
  }

  #ranOutOfTime(): void {
    if (this.#attempts > 0) return this.#giveBack("deadline", this.#history?.outcome);
    this.#end();
    this.reject(this.#refusal(this.#deadlineExceeded()));
  }

  /** Before a retry: the attempt around this call has ended, and nobody waits for what goes on inside it. */
  get #isForNobody(): boolean {
    return this.#attempts > 0 && isForNobody(this.parent);
  }

  #stopForNobody(): void {
    this.#giveBack("aborted", this.#history?.outcome);
  }

  /** Before the first attempt: nothing has been started, and nothing is undone. */
  #refuse(error: BreakwaterError): Promise<never> {
    return rejectSoon(this.#refusal(error));
  }

  #refuseForTime(): Promise<never> {
    return this.#refuse(this.#deadlineExceeded());
  }

  #refusal(error: BreakwaterError): BreakwaterError {
    if (error.code === "ERR_DEADLINE_EXCEEDED")
      keepReport(error, new History(this.scope).stopped("deadline"));
    reportRefusal(this.scope, error);
    return error;
  }

  /** What its calls pay into; once, also where calls of the same dependency are nested. */
  get #ownCredit(): Credit | undefined {
    const { credit } = this.scope;
    return credit !== undefined && hasDeposited(credit, this.parent) ? undefined : credit;
  }

  get #deadlineMs(): number | undefined {
    return deadlineOf(this.scope.plan, this.#options);
  }

  #timeLeftMs(nowMs: number): number {
    return this.endsMs - nowMs;
  }

  #hasTooLittleTime(afterMs: number): boolean {
    return this.#timeLeftMs(clock.now() + afterMs) < this.scope.plan.minAttemptMs;
  }

  #deadlineExceeded(): BreakwaterError {
    const isOwn = this.endsMs === this.ownEndMs;
    const deadlineMs = isOwn ? this.#deadlineMs : undefined;
    return deadlineExceeded(this.scope, this.#attempts, deadlineMs, this.#history?.outcome.value);
  }

  #end(): void {
    if (this.#listening === "yes") this.signal?.removeEventListener("abort", this);
    this.#listening = "no more";
  }
}
