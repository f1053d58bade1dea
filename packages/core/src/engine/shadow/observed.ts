import type { ParsedCallOptions } from "../../call/call-options.js";
import type { BreakwaterError } from "../../errors/errors.js";
import { clock } from "../../time/clock.js";
import { type Judgement, JUDGED } from "../../verdicts/verdict.js";
import { attemptTimeout, deadlineExceeded, hadItsTime } from "../cut-short.js";
import { deadlineOf } from "../deadline.js";
import { maxAttemptsOf } from "../decide.js";
import type { FirstCall } from "../first-call.js";
import { mayRepeat } from "../may-repeat.js";
import { gaveUpInside } from "../nesting.js";
import { reportOnly } from "../only-attempt.js";
import { judgeFailure } from "../outcome.js";
import { atKey } from "../plan.js";
import type { Scope } from "../scope.js";
import type { Estimates } from "./estimates.js";

/** One call in shadow: how it ends, and what would have been done about it. */
export class Observed {
  readonly #scope: Scope;
  readonly call: FirstCall;
  /** It runs all the same; but whatever else would have been done, would not have come to that. */
  readonly #wouldBeRefused: boolean;
  readonly #args: readonly unknown[] | undefined;
  readonly #options: ParsedCallOptions | undefined;
  readonly #beganMs = clock.now();

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
  }

  /** @returns the value */
  ended<T>(value: T): T {
    this.#settle(this.#classifier.result(value), value);
    return value;
  }

  /** @returns the error */
  failed(error: unknown): unknown {
    const judge = { classifier: this.#classifier };
    this.#settle(judgeFailure(judge, error, this.#signal), error);
    return error;
  }

  get #classifier(): Scope["plan"]["classifier"] {
    return this.#scope.plan.classifier.forCall(this.#options?.classify);
  }

  get #signal(): AbortSignal | undefined {
    return this.#options?.signal ?? undefined;
  }

  /** Had it been cut short, its guards would have heard of that, whatever came later. */
  #settle(actual: Judgement, outcome: unknown): void {
    const cut = this.#wouldBeCut(clock.now() - this.#beganMs);
    const admission = this.call.end(actual);
    if (cut === undefined) admission.exit(actual, outcome);
    else admission.exit(cut.judgement, cut.error);
    reportOnly(this.#scope, actual, outcome, this.#signal);
    const { verdict } = cut?.judgement ?? actual;
    if (verdict.alive) this.call.credit?.depositForAnswer(this.#beganMs);
    if (cut === undefined) this.#consider(actual, outcome, clock.now() - this.#beganMs);
    else this.#consider(JUDGED.timeout, cut.error, cut.limitMs);
  }

  /** Who gave up may have done so before its time was over: nothing is held against anybody then. */
  #wouldBeCut(tookMs: number): Cut | undefined {
    const { plan, key } = this.#scope;
    const deadlineMs = deadlineOf(plan, this.#options) ?? Infinity;
    const { attemptTimeoutMs = Infinity } = plan;
    const limitMs = Math.min(attemptTimeoutMs, deadlineMs);
    if (tookMs < limitMs + clock.stalenessMs) return undefined;
    if (this.#wouldBeRefused || this.#signal?.aborted === true) return undefined;
    this.#estimates.timeouts++;
    if (plan.events.wanted)
      plan.events.emit("shadow.would_time_out", { ...atKey(key), tookMs, limitMs });
    const error =
      limitMs === attemptTimeoutMs
        ? attemptTimeout(this.#scope, 1, limitMs, undefined)
        : deadlineExceeded(this.#scope, 1, limitMs, undefined);
    return {
      limitMs,
      error,
      judgement: hadItsTime(plan, limitMs) ? JUDGED.timeout : JUDGED.ignored,
    };
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

/** What an enforced policy would have made of an attempt that took too long. */
interface Cut {
  readonly limitMs: number;
  readonly error: BreakwaterError;
  readonly judgement: Judgement;
}
