import type { ParsedCallOptions } from "../../call/call-options.js";
import type { BreakwaterError } from "../../errors/errors.js";
import type { Pass } from "../../guards/guard.js";
import { clock } from "../../time/clock.js";
import { Lane, type Wait } from "../../time/lane.js";
import { type Judgement, JUDGED } from "../../verdicts/verdict.js";
import { attemptTimeout, deadlineExceeded, hadItsTime } from "../cut-short.js";
import { deadlineOf } from "../deadline.js";
import { maxAttemptsOf } from "../decide.js";
import type { FirstCall } from "../first-call.js";
import { mayRepeat } from "../may-repeat.js";
import { gaveUpInside } from "../nesting.js";
import { reportOnly } from "../only-attempt.js";
import { judgeFailure } from "../outcome.js";
import { atKey, type Plan } from "../plan.js";
import type { Scope } from "../scope.js";
import type { Estimates } from "./estimates.js";

/**
 * One call in shadow: how it ends, and what would have been done about it. It waits in the lane of its time limit, as an
 * enforced attempt does: when that is over its guards and its budget hear of a timeout, and the task runs on.
 */
export class Observed implements Wait {
  next: Wait | undefined = undefined;
  previous: Wait | undefined = undefined;
  dueMs = 0;
  readonly #scope: Scope;
  readonly call: FirstCall;
  /** It runs all the same; but whatever else would have been done, would not have come to that. */
  readonly #wouldBeRefused: boolean;
  readonly #args: readonly unknown[] | undefined;
  readonly #options: ParsedCallOptions | undefined;
  readonly #beganMs = clock.now();
  readonly #lane: Lane | undefined;
  /** What stays with the work since its time is over. */
  #overstays: readonly Pass[] | undefined = undefined;
  #wouldBeCut = false;

  constructor(
    scope: Scope,
    call: FirstCall,
    wouldBeRefused: boolean,
    args: readonly unknown[] | undefined,
    options: ParsedCallOptions | undefined,
  ) {
    this.#scope = scope;
    this.call = call;
    this.#wouldBeRefused = wouldBeRefused;
    this.#args = args;
    this.#options = options;
    this.#lane = wouldBeRefused ? undefined : laneFor(scope.plan, this.#limitMs);
    this.#lane?.add(this, this.#beganMs);
  }

  /** @returns the value */
  ended<T>(value: T): T {
    this.#settle(this.#classifier.result(value), value);
    return value;
  }

  /** @returns the error */
  failed(error: unknown): unknown {
    this.#settle(this.#judge(error), error);
    return error;
  }

  #judge(error: unknown): Judgement {
    return judgeFailure({ classifier: this.#classifier }, error, this.#signal);
  }

  get #classifier(): Scope["plan"]["classifier"] {
    return this.#scope.plan.classifier.forCall(this.#options?.classify);
  }

  get #signal(): AbortSignal | undefined {
    return this.#options?.signal ?? undefined;
  }

  get #limitMs(): number {
    const { plan } = this.#scope;
    const { attemptTimeoutMs = Infinity } = plan;
    return Math.min(attemptTimeoutMs, deadlineOf(plan, this.#options) ?? Infinity);
  }

  #settle(actual: Judgement, outcome: unknown): void {
    this.#lane?.remove(this);
    const admission = this.call.end(actual);
    reportOnly(this.#scope, actual, outcome, this.#signal);
    if (this.#overstays !== undefined) return this.#exitOverstays(this.#overstays);
    admission.exit(actual, outcome);
    if (actual.verdict.alive) this.call.credit?.depositForAnswer(this.#beganMs);
    this.#consider(actual, outcome, clock.now() - this.#beganMs);
  }

  /** How long it took is known only now, and is what a better limit is found by. */
  #exitOverstays(overstays: readonly Pass[]): void {
    for (const pass of overstays) pass.exit(JUDGED.ignored);
    const { plan, key } = this.#scope;
    if (!this.#wouldBeCut || !plan.events.wanted) return;
    const tookMs = clock.now() - this.#beganMs;
    plan.events.emit("shadow.would_time_out", { ...atKey(key), tookMs, limitMs: this.#limitMs });
  }

  /** From the lane. Who gave up before that did so in time: nothing is held against anybody then. */
  expired(stalledMs: number): void {
    const signal = this.#signal;
    if (signal?.aborted === true) return this.#outlives(this.#judge(signal.reason), signal.reason);
    this.#wouldBeCut = true;
    this.#estimates.timeouts++;
    const limitMs = this.#limitMs;
    const error = this.#timeoutError(limitMs);
    const isHeldAgainst = stalledMs === 0 && hadItsTime(this.#scope.plan, limitMs);
    this.#outlives(isHeldAgainst ? JUDGED.timeout : JUDGED.ignored, error);
    this.#consider(JUDGED.timeout, error, limitMs);
  }

  #outlives(judgement: Judgement, error: unknown): void {
    this.#overstays = this.call.outlive(judgement, error);
  }

  #timeoutError(limitMs: number): BreakwaterError {
    return limitMs === this.#scope.plan.attemptTimeoutMs
      ? attemptTimeout(this.#scope, 1, limitMs, undefined)
      : deadlineExceeded(this.#scope, 1, limitMs, undefined);
  }

  /** The budget is charged for a retry, as it would have been: else each storm would look affordable. */
  #consider(judgement: Judgement, outcome: unknown, afterMs: number): void {
    if (!this.#isWorthARetry(judgement, outcome, afterMs)) return;
    const { plan, key, credit } = this.#scope;
    const { name } = judgement.verdict;
    const paid = credit === undefined || credit.withdraw() !== undefined;
    if (paid) this.#estimates.retries++;
    else this.#estimates.deniedRetries++;
    if (plan.events.wanted)
      plan.events.emit("shadow.would_retry", { ...atKey(key), verdict: name, paid });
  }

  /** The questions of `decide`, without a delay: that would have been drawn. */
  #isWorthARetry(judgement: Judgement, outcome: unknown, afterMs: number): boolean {
    const { plan, guards } = this.#scope;
    const { verdict, unsent, retryAfterMs } = judgement;
    const leftMs = (deadlineOf(plan, this.#options) ?? Infinity) - afterMs - retryAfterMs;
    return (
      verdict.retry &&
      !this.#wouldBeRefused &&
      maxAttemptsOf(plan, this.#options) > 1 &&
      this.#signal?.aborted !== true &&
      (unsent || mayRepeat(plan, this.#args, this.#options)) &&
      (plan.retry.nested || !gaveUpInside(outcome, this.call)) &&
      retryAfterMs <= plan.retry.maxRetryAfterMs &&
      leftMs >= plan.minAttemptMs &&
      !guards.some((guard) => guard.wouldRefuse(clock.now() + retryAfterMs))
    );
  }

  get #estimates(): Estimates {
    return this.#scope.plan.estimates as Estimates;
  }
}

/** A time that only this call has gets a lane of its own. */
function laneFor({ attemptTimeoutMs, lane, deadlineMs, deadlineLane }: Plan, limitMs: number) {
  if (limitMs === Infinity) return undefined;
  if (limitMs === attemptTimeoutMs) return lane;
  return limitMs === deadlineMs ? deadlineLane : new Lane(Math.max(1, limitMs), true);
}
