import type { Withdrawal } from "../budget/credit.js";
import type { ParsedCallOptions } from "../call/call-options.js";
import { discardResult } from "../classify/judge-result.js";
import { type BreakwaterError, withoutStack } from "../errors/errors.js";
import { ignoreRejection } from "../errors/hooks.js";
import { summarize } from "../errors/summary.js";
import type { StoppedBy } from "../events/catalog.js";
import { type Entrant, Refusal } from "../guards/guard.js";
import { backoffMs } from "../retry/backoff.js";
import { clock, type Timer } from "../time/clock.js";
import { formatDuration, LONGEST_TIMER_MS } from "../time/duration.js";
import { uuid } from "../time/random.js";
import type { Judgement } from "../verdicts/verdict.js";
import type { Admission } from "./admission.js";
import { admit } from "./admit.js";
import { Attempt, type Owner, runningAttempt } from "./attempt.js";
import { deferred, type Settle, unset } from "./deferred.js";
import { History, type Outcome } from "./history.js";
import { type Attempting, gaveUpInside, markGivenUp, moment } from "./nesting.js";
import { finalBy } from "./outcome.js";
import type { Task } from "./plan.js";
import { refusalError, rejectSoon, reportRefusal } from "./refusals.js";
import { keepReport } from "./report.js";
import { type Scope, scopeFor, type Scopes } from "./scope.js";

/** For plans that can wait or repeat. One promise for the call and one for each attempt, and named steps in between. */
export function drive(
  scopes: Scopes,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): Promise<unknown> {
  const signal = options?.signal;
  if (signal?.aborted === true) return rejectSoon(signal.reason);
  return new Run(scopeFor(scopes, self, args, options), task, self, args, options).start();
}

/** A retry that has been decided and paid for; while the call sleeps, its timer. */
interface Retry {
  readonly delayMs: number;
  readonly withdrawal: Withdrawal | undefined;
  timer: Timer | undefined;
}

/** One call: admit, run, settle, decide, wait. Each step hands over to the next; `succeeded` and `#stop` are the ways out. */
class Run implements Owner {
  readonly scope: Scope;
  readonly task: Task;
  readonly self: unknown;
  readonly args: readonly unknown[] | undefined;
  readonly began: number = moment();
  readonly parent: Attempting | undefined = runningAttempt();
  resolve: Settle = unset;
  reject: Settle = unset;
  readonly #options: ParsedCallOptions | undefined;
  readonly #beganMs: number;
  readonly #deadlineMs: number | undefined;
  #attempt: Attempt | undefined = undefined;
  #attempts = 0;
  /** What has gone wrong so far: made with the first failure. */
  #history: History | undefined = undefined;
  #sleeping: Retry | undefined = undefined;
  #idempotencyKey: string | undefined = undefined;
  #listening = false;
  #cutByDeadline = false;
  #ended = false;

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
    this.#deadlineMs = shorterDeadline(scope.plan.deadlineMs, options?.deadlineMs ?? undefined);
    // A deadline is counted from here, so its beginning must not be stale.
    this.#beganMs = this.#deadlineMs === undefined ? clock.now() : clock.read();
  }

  start(): Promise<unknown> {
    const { scope } = this;
    if (this.#deadlineMs !== undefined && this.#hasTooLittleTime(0)) return this.#refuseForTime();
    const answer = admit(scope, scope.plan.entrant);
    if (answer instanceof Refusal) return this.#refuse(refusalError(scope, answer));
    scope.parts.credit?.depositForCall(this.#beganMs);
    const promise = deferred(this);
    this.#begin(answer, this.#beganMs);
    return promise;
  }

  get signal(): AbortSignal | undefined {
    return this.#options?.signal ?? undefined;
  }

  get idempotencyKey(): string {
    return (this.#idempotencyKey ??= uuid());
  }

  /** A listener costs 220 ns: added only once there is something of ours to cut short. */
  listen(): void {
    if (this.signal === undefined || this.#listening || this.#ended) return;
    this.#listening = true;
    this.signal.addEventListener("abort", this, { once: true });
  }

  /** The caller gave up: a running task is told and decides itself how it ends; a sleep ends at once. */
  handleEvent(): void {
    const reason: unknown = this.signal?.reason;
    if (this.#sleeping === undefined) return this.#attempt?.callerGaveUp(reason);
    clock.clearTimer(this.#sleeping.timer);
    this.#discardOutcome();
    this.#giveBack("aborted", { value: reason, thrown: true });
  }

  timeoutError({ limitMs = 0, number }: Attempt): BreakwaterError {
    const { policy, attemptTimeoutMs = Infinity } = this.scope.plan;
    if (limitMs < attemptTimeoutMs) {
      this.#cutByDeadline = true;
      return this.#deadlineExceeded();
    }
    const message = `${policy}: attempt ${number} took longer than its ${formatDuration(limitMs)} (attemptTimeoutMs).`;
    return withoutStack("ERR_ATTEMPT_TIMEOUT", message, this.#details());
  }

  succeeded(value: unknown): void {
    this.scope.parts.credit?.depositForAnswer(this.#beganMs);
    this.#ended = true;
    if (this.#listening) this.#unlisten();
    this.resolve(value);
  }

  failed(judgement: Judgement, value: unknown, thrown: boolean): void {
    if (judgement.verdict.alive) this.scope.parts.credit?.depositForAnswer(this.#beganMs);
    const history = (this.#history ??= new History(this.scope));
    history.failed(this.#attempts, judgement, { value, thrown });
    const decision = this.#decide(judgement, history);
    if (typeof decision === "string") this.#stop(decision, history.outcome);
    else this.#wait(decision, judgement, history);
  }

  /** Before any sleep, in this order: verdict, attempts, nested, deadline, would a guard refuse, budget. */
  #decide(judgement: Judgement, history: History): Retry | StoppedBy {
    const { plan, parts } = this.scope;
    const { retry } = plan;
    const final = finalBy(judgement, this.signal);
    if (final !== undefined) return final;
    if (this.#cutByDeadline) return "deadline";
    if (this.#attempts >= retry.maxAttempts) return "attempts";
    if (!judgement.unsent && !this.#mayRepeat()) return "unsafe";
    if (!retry.nested && gaveUpInside(history.outcome.value, this.#attempt as Attempt))
      return "nested";
    if (judgement.retryAfterMs > retry.maxRetryAfterMs) return "hint";
    history.backoffMs = backoffMs(retry, this.#attempts, history.backoffMs);
    const delayMs = Math.min(LONGEST_TIMER_MS, history.backoffMs + judgement.retryAfterMs);
    if (this.#hasTooLittleTime(delayMs)) return "deadline";
    const atMs = clock.now() + delayMs;
    if (parts.guards.some((guard) => guard.wouldRefuse(atMs))) return "refused";
    const withdrawal = parts.credit?.withdraw();
    if (parts.credit !== undefined && withdrawal === undefined) return "budget";
    return { delayMs, withdrawal, timer: undefined };
  }

  #wait(retry: Retry, { verdict }: Judgement, history: History): void {
    const { plan, key } = this.scope;
    const { delayMs } = retry;
    this.#sleeping = retry;
    history.waits(delayMs);
    const next = { attempt: this.#attempts + 1, delayMs, verdict: verdict.name };
    if (plan.events.wanted)
      plan.events.emit("retry.scheduled", key === undefined ? next : { key, ...next });
    if (delayMs === 0) return this.#again();
    this.listen();
    retry.timer = clock.setTimer(() => this.#again(), delayMs);
  }

  #again(): void {
    const { scope, signal } = this;
    const { plan } = scope;
    if (this.#sleeping === undefined) return; // a timer of a clock that has been replaced meanwhile
    if (signal?.aborted === true) return this.handleEvent();
    if (this.#hasTooLittleTime(0)) return this.#giveBack("deadline", this.#history?.outcome);
    const answer = admit(scope, this.#entrant());
    if (answer instanceof Refusal) return this.#giveBack("refused", this.#history?.outcome);
    this.#sleeping = undefined;
    plan.counters.retries++;
    this.#discardOutcome();
    this.#begin(answer, clock.now());
  }

  #entrant(): Entrant {
    const { entrant } = this.scope.plan;
    const retained = this.#history?.retain(this.#attempt?.overstays) ?? [];
    return retained.length === 0 ? entrant : { ...entrant, retained };
  }

  /** A result that failed and that nobody will get must not hold its connection. */
  #discardOutcome(): void {
    const outcome = this.#history?.outcome;
    if (outcome?.thrown === false) discardResult(outcome.value);
  }

  #begin(admission: Admission, nowMs: number): void {
    const { attemptTimeoutMs } = this.scope.plan;
    const limitMs = this.#deadlineMs === undefined ? attemptTimeoutMs : this.#limitMs(nowMs);
    this.#attempt = new Attempt(this, admission, ++this.#attempts, limitMs);
    this.#attempt.begin(nowMs);
  }

  #limitMs(nowMs: number): number {
    const { attemptTimeoutMs = Infinity } = this.scope.plan;
    return Math.min(attemptTimeoutMs, this.#timeLeftMs(nowMs));
  }

  /** The retry that was paid for does not run: its token goes back. */
  #giveBack(by: StoppedBy, outcome: Outcome | undefined): void {
    this.#sleeping?.withdrawal?.refund();
    this.#sleeping = undefined;
    this.#stop(by, outcome as Outcome);
  }

  #stop(by: StoppedBy, { value, thrown }: Outcome): void {
    this.#ended = true;
    if (this.#listening) this.#unlisten();
    if (by !== "permanent" && by !== "ignored" && by !== "aborted") this.#giveUp(by, value);
    if (this.#history !== undefined) keepReport(value, this.#history.stopped(by));
    if (thrown) this.reject(value);
    else this.resolve(value);
  }

  /** Somebody might want to try again: policies around this one must not, and listeners should know what was denied. */
  #giveUp(by: Exclude<StoppedBy, "permanent" | "ignored" | "aborted">, value: unknown): void {
    const { plan, key } = this.scope;
    if (plan.retry.maxAttempts === 1) return;
    markGivenUp(value, this);
    if (by === "attempts") return;
    plan.counters.deniedRetries++;
    const denied = { attempt: this.#attempts + 1, by };
    if (plan.events.wanted)
      plan.events.emit("retry.denied", key === undefined ? denied : { key, ...denied });
  }

  /** Before the first attempt: nothing has been started, and nothing is undone. */
  #refuse(error: BreakwaterError): Promise<never> {
    reportRefusal(this.scope, error);
    return rejectSoon(error);
  }

  #refuseForTime(): Promise<never> {
    const error = this.#deadlineExceeded();
    keepReport(error, new History(this.scope).stopped("deadline"));
    return this.#refuse(error);
  }

  #mayRepeat(): boolean {
    const { idempotent, events } = this.scope.plan;
    const asked = this.#options?.idempotent ?? idempotent ?? true;
    if (typeof asked !== "function") return asked;
    let answer: unknown;
    try {
      answer = asked(...(this.args ?? []));
      if (typeof answer === "boolean") return answer;
      throw new TypeError("the idempotent function returned neither true nor false");
    } catch (error) {
      ignoreRejection(answer);
      events.emit("hook.failed", { hook: "idempotent", error: summarize(error) });
      return false;
    }
  }

  #timeLeftMs(nowMs: number): number {
    return this.#beganMs + (this.#deadlineMs ?? Infinity) - nowMs;
  }

  #hasTooLittleTime(afterMs: number): boolean {
    return this.#timeLeftMs(clock.now() + afterMs) < this.scope.plan.minAttemptMs;
  }

  #deadlineExceeded(): BreakwaterError {
    const { policy } = this.scope.plan;
    const ran =
      this.#attempts === 0 ? "the task did not run" : `attempt ${this.#attempts} was cut off`;
    const message = `${policy}: the deadline of ${formatDuration(this.#deadlineMs ?? 0)} is over; ${ran}.`;
    return withoutStack("ERR_DEADLINE_EXCEEDED", message, this.#details());
  }

  #details(): object {
    return {
      policy: this.scope.plan.policy,
      key: this.scope.key,
      cause: this.#history?.outcome.value,
    };
  }

  #unlisten(): void {
    this.signal?.removeEventListener("abort", this);
  }
}

/** One that no timer can hold is none: nobody lives to see it. */
function shorterDeadline(own: number | undefined, asked: number | undefined): number | undefined {
  const shorter = Math.min(own ?? Infinity, asked ?? Infinity);
  return shorter > LONGEST_TIMER_MS ? undefined : shorter;
}
