import type { ParsedCallOptions } from "../../call/call-options.js";
import { clock } from "../../time/clock.js";
import { type Judgement, JUDGED } from "../../verdicts/verdict.js";
import { maxAttemptsOf } from "../decide.js";
import type { FirstCall } from "../first-call.js";
import { mayRepeat } from "../may-repeat.js";
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

  /** Had it been cut short, its guards would have heard of a timeout, whatever came later. */
  #settle(actual: Judgement, outcome: unknown): void {
    const isCut = !this.#wouldBeRefused && this.#wouldHaveTimedOut();
    const judgement = isCut ? JUDGED.timeout : actual;
    this.call.end(actual).exit(judgement, outcome);
    reportOnly(this.#scope, actual, outcome, this.#signal);
    if (judgement.verdict.alive) this.#scope.credit?.depositForAnswer(this.#beganMs);
    if (this.#isWorthARetry(judgement)) this.#countRetry(judgement);
  }

  #wouldHaveTimedOut(): boolean {
    const { plan, key } = this.#scope;
    const { attemptTimeoutMs = Infinity, deadlineMs = Infinity } = plan;
    const limitMs = Math.min(attemptTimeoutMs, this.#options?.deadlineMs ?? deadlineMs);
    const tookMs = clock.now() - this.#beganMs;
    if (tookMs < limitMs + clock.stalenessMs) return false;
    this.#estimates.timeouts++;
    if (plan.events.wanted)
      plan.events.emit("shadow.would_time_out", { ...atKey(key), tookMs, limitMs });
    return true;
  }

  #isWorthARetry({ verdict, unsent, retryAfterMs }: Judgement): boolean {
    const { plan, guards } = this.#scope;
    return (
      verdict.retry &&
      !this.#wouldBeRefused &&
      maxAttemptsOf(plan, this.#options) > 1 &&
      this.#signal?.aborted !== true &&
      retryAfterMs <= plan.retry.maxRetryAfterMs &&
      (unsent || mayRepeat(plan, this.#args, this.#options)) &&
      !guards.some((guard) => guard.wouldRefuse(clock.now() + retryAfterMs))
    );
  }

  /** The budget is charged, as the retry would have been: else each storm would look affordable. */
  #countRetry({ verdict }: Judgement): void {
    const { plan, key, credit } = this.#scope;
    const paid = credit === undefined || credit.withdraw() !== undefined;
    if (paid) this.#estimates.retries++;
    else this.#estimates.deniedRetries++;
    if (plan.events.wanted)
      plan.events.emit("shadow.would_retry", { ...atKey(key), verdict: verdict.name, paid });
  }

  get #estimates(): Estimates {
    return this.#scope.plan.estimates as Estimates;
  }
}
