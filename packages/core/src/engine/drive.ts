import type { Withdrawal } from "../budget/credit.js";
import type { CallOptions } from "../call/call.js";
import { discardResult } from "../classify/judge-result.js";
import { type BreakwaterError, withoutStack } from "../errors/errors.js";
import { summarize } from "../errors/summary.js";
import type { StoppedBy } from "../events/catalog.js";
import { Refusal } from "../guards/guard.js";
import { backoffMs } from "../retry/backoff.js";
import { clock, type Timer } from "../time/clock.js";
import { formatDuration } from "../time/duration.js";
import { uuid } from "../time/random.js";
import type { Judgement } from "../verdicts/verdict.js";
import { type Admission, admit } from "./admission.js";
import { Attempt, type Owner, runningAttempt } from "./attempt.js";
import { deferred, type Settle, unset } from "./deferred.js";
import { History } from "./history.js";
import { type Attempting, gaveUpInside, markGivenUp, moment } from "./nesting.js";
import { finalBy } from "./outcome.js";
import type { Plan, Task } from "./plan.js";
import { refusalError, rejectSoon, reportRefusal } from "./refusals.js";
import { keepReport } from "./report.js";
import { type Scope, scopeFor } from "./scope.js";

/** For plans that can wait or repeat. One promise for the call and one for each attempt, and named steps in between. */
export function drive(
  plan: Plan,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: CallOptions | undefined,
): Promise<unknown> {
  const signal = options?.signal;
  if (signal !== undefined && signal.aborted) return rejectSoon(signal.reason);
  return new Run(scopeFor(plan, self, args, options), task, self, args, options).start();
}

/** What an attempt ended with: the error that the task threw, or a result that means failure. */
interface Outcome {
  readonly value: unknown;
  readonly thrown: boolean;
}

/** A retry that has been decided and paid for. */
interface Retry {
  readonly delayMs: number;
  readonly withdrawal: Withdrawal | undefined;
}

/** One call: admit, run, settle, decide, wait. Each step hands over to the next; `succeeded` and `#stop` are the ways out. */
class Run implements Owner {
  readonly scope: Scope;
  readonly task: Task;
  readonly self: unknown;
  readonly args: readonly unknown[] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly began: number = moment();
  readonly parent: Attempting | undefined = runningAttempt();
  readonly deadlineAtMs: number;
  resolve: Settle = unset;
  reject: Settle = unset;
  readonly #beganMs: number = clock.now();
  readonly #idempotent: boolean | undefined;
  #idempotencyKey: string | undefined = undefined;
  #attempt: Attempt | undefined = undefined;
  #attempts = 0;
  /** Of the last attempt; kept while the next one runs, as its cause. */
  #outcome: Outcome | undefined = undefined;
  #history: History | undefined = undefined;
  /** Set while this call sleeps. */
  #sleeping: Retry | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #backoffMs = 0;
  #listening = false;

  constructor(
    scope: Scope,
    task: Task,
    self: unknown,
    args: readonly unknown[] | undefined,
    options: CallOptions | undefined,
  ) {
    this.scope = scope;
    this.task = task;
    this.self = self;
    this.args = args;
    this.signal = options?.signal;
    this.#idempotent = options?.idempotent;
    const deadlineMs = Math.min(scope.plan.deadlineMs ?? Infinity, options?.deadlineMs ?? Infinity);
    this.deadlineAtMs = this.#beganMs + deadlineMs;
  }

  start(): Promise<unknown> {
    const { scope } = this;
    if (this.#timeLeftMs() < scope.plan.minAttemptMs) return this.#refuse("deadline", this.#deadlineExceeded());
    const answer = admit(scope, scope.plan.entrant);
    if (answer instanceof Refusal) return this.#refuse("refused", refusalError(scope, answer));
    scope.parts.credit?.depositForCall(this.#beganMs);
    const promise = deferred(this);
    this.#begin(answer);
    return promise;
  }

  get idempotencyKey(): string {
    return (this.#idempotencyKey ??= uuid());
  }

  /** A listener costs 220 ns: added only once there is something of ours to cut short. */
  listen(): void {
    if (this.signal === undefined || this.#listening) return;
    this.#listening = true;
    this.signal.addEventListener("abort", this, { once: true });
  }

  /** The caller gave up: a running task is told and decides itself how it ends; a sleep ends at once. */
  handleEvent(): void {
    const reason: unknown = this.signal?.reason;
    if (this.#sleeping === undefined) return this.#attempt?.abort(reason);
    clock.clearTimer(this.#timer);
    this.#giveBack("aborted", { value: reason, thrown: true });
  }

  timedOut({ limitMs, number }: Attempt): BreakwaterError {
    const { policy, attemptTimeoutMs = Infinity } = this.scope.plan;
    if (limitMs < attemptTimeoutMs) return this.#deadlineExceeded();
    const message = `${policy}: attempt ${number} took longer than its ${formatDuration(limitMs)} (attemptTimeoutMs).`;
    return withoutStack("ERR_ATTEMPT_TIMEOUT", message, this.#details());
  }

  succeeded(value: unknown): void {
    this.scope.parts.credit?.depositForAnswer(this.#beganMs);
    this.#unlisten();
    this.resolve(value);
  }

  failed(judgement: Judgement, value: unknown, thrown: boolean): void {
    const outcome = { value, thrown };
    if (judgement.verdict.alive) this.scope.parts.credit?.depositForAnswer(this.#beganMs);
    (this.#history ??= new History(this.scope)).failed(this.#attempts, judgement, value);
    const decision = this.#decide(judgement, value);
    this.#outcome = outcome;
    if (typeof decision === "string") this.#stop(decision, outcome);
    else this.#wait(decision, judgement);
  }

  /** Before any sleep, in this order: verdict, attempts, nested, deadline, would a guard refuse, budget. */
  #decide(judgement: Judgement, outcome: unknown): Retry | StoppedBy {
    const { plan, parts } = this.scope;
    const { retry } = plan;
    const final = finalBy(judgement, this.signal);
    if (final !== undefined) return final;
    if (this.#attempts >= retry.maxAttempts) return "attempts";
    if (!judgement.unsent && !this.#mayRepeat()) return "unsafe";
    if (!retry.nested && gaveUpInside(outcome, this.#attempt as Attempt)) return "nested";
    if (judgement.retryAfterMs > retry.maxRetryAfterMs) return "hint";
    this.#backoffMs = backoffMs(retry, this.#attempts, this.#backoffMs);
    const delayMs = this.#backoffMs + judgement.retryAfterMs;
    if (this.#timeLeftMs() - delayMs < plan.minAttemptMs) return "deadline";
    const atMs = clock.now() + delayMs;
    if (parts.guards.some((guard) => guard.wouldRefuse(atMs))) return "refused";
    if (parts.credit === undefined) return { delayMs, withdrawal: undefined };
    const withdrawal = parts.credit.withdraw();
    return withdrawal === undefined ? "budget" : { delayMs, withdrawal };
  }

  #wait(retry: Retry, { verdict }: Judgement): void {
    const { plan, key } = this.scope;
    const { delayMs } = retry;
    this.#sleeping = retry;
    this.#history?.waits(delayMs);
    const next = { attempt: this.#attempts + 1, delayMs, verdict: verdict.name };
    if (plan.events.wanted) plan.events.emit("retry.scheduled", key === undefined ? next : { key, ...next });
    if (delayMs === 0) return this.#again();
    this.listen();
    this.#timer = clock.setTimer(() => this.#again(), delayMs);
  }

  #again(): void {
    const { scope } = this;
    const { plan } = scope;
    if (this.#timeLeftMs() < plan.minAttemptMs) return this.#giveBack("deadline", this.#outcome);
    const entrant = { attemptTimeoutMs: plan.attemptTimeoutMs, retained: this.#attempt?.overstays };
    const answer = admit(scope, entrant);
    if (answer instanceof Refusal) return this.#giveBack("refused", this.#outcome);
    this.#sleeping = undefined;
    plan.counters.retries++;
    if (this.#outcome?.thrown === false) discardResult(this.#outcome.value);
    this.#begin(answer);
  }

  #begin(admission: Admission): void {
    this.#attempt = new Attempt(this, admission, ++this.#attempts);
    this.#attempt.begin();
  }

  /** The retry that was paid for does not run: its token goes back. */
  #giveBack(by: StoppedBy, outcome: Outcome | undefined): void {
    this.#sleeping?.withdrawal?.refund();
    this.#sleeping = undefined;
    this.#stop(by, outcome as Outcome);
  }

  #stop(by: StoppedBy, { value, thrown }: Outcome): void {
    const { plan } = this.scope;
    this.#unlisten();
    if (plan.retry.maxAttempts > 1 && !FINAL_FOR_ALL.has(by)) markGivenUp(value, this);
    this.#tellDenial(by);
    if (this.#history !== undefined) keepReport(value, this.#history.stopped(by));
    if (thrown) this.reject(value);
    else this.resolve(value);
  }

  #tellDenial(by: StoppedBy): void {
    if (by === "attempts" || by === "permanent" || by === "ignored" || by === "aborted") return;
    const { plan, key } = this.scope;
    if (this.#attempts === 0 || plan.retry.maxAttempts === 1) return;
    plan.counters.deniedRetries++;
    const denied = { attempt: this.#attempts + 1, by };
    if (plan.events.wanted) plan.events.emit("retry.denied", key === undefined ? denied : { key, ...denied });
  }

  /** Before the first attempt: nothing has been started, and nothing is undone. */
  #refuse(by: StoppedBy, error: BreakwaterError): Promise<never> {
    reportRefusal(this.scope, error);
    keepReport(error, new History(this.scope).stopped(by));
    return rejectSoon(error);
  }

  #mayRepeat(): boolean {
    const { idempotent, events } = this.scope.plan;
    if (this.#idempotent !== undefined) return this.#idempotent;
    if (typeof idempotent !== "function") return idempotent ?? true;
    try {
      return idempotent(...(this.args ?? []));
    } catch (error) {
      events.emit("hook.failed", { hook: "idempotent", error: summarize(error) });
      return false;
    }
  }

  #timeLeftMs(): number {
    return this.deadlineAtMs - clock.now();
  }

  #deadlineExceeded(): BreakwaterError {
    const { policy } = this.scope.plan;
    const ran = this.#attempts === 0 ? "the task did not run" : `attempt ${this.#attempts} was cut off`;
    const allowedMs = this.deadlineAtMs - this.#beganMs;
    const message = `${policy}: the deadline of ${formatDuration(allowedMs)} is over; ${ran}.`;
    return withoutStack("ERR_DEADLINE_EXCEEDED", message, this.#details());
  }

  #details(): object {
    return { policy: this.scope.plan.policy, key: this.scope.key, cause: this.#outcome?.value };
  }

  #unlisten(): void {
    if (this.#listening) this.signal?.removeEventListener("abort", this);
  }
}

/** No outer policy would repeat these anyway, so there is nothing to mark. */
const FINAL_FOR_ALL: ReadonlySet<StoppedBy> = new Set(["permanent", "ignored", "aborted"]);
