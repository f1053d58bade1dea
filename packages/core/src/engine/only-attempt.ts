import { summarize } from "../errors/summary.js";
import { type Judgement, VERDICTS } from "../verdicts/verdict.js";
import type { Admission } from "./admission.js";
import { finalBy, reportSettled } from "./outcome.js";
import { CallReport, keepReport } from "./report.js";
import type { Scope } from "./scope.js";

/** Who knows what is to be exited: another admission, once calls inside have been lent some of the first one. */
export interface Holder {
  end(judgement: Judgement): Admission;
}

/** The outcome of a call's only attempt is known: everybody hears of it. */
export function settleOnly(
  scope: Scope,
  holder: Holder,
  judgement: Judgement,
  outcome: unknown,
  signal: AbortSignal | undefined,
): void {
  holder.end(judgement).exit(judgement, outcome);
  reportOnly(scope, judgement, outcome, signal);
}

/** A report is kept also of a result that means failure: somebody may have thrown it. */
export function reportOnly(
  scope: Scope,
  judgement: Judgement,
  outcome: unknown,
  signal: AbortSignal | undefined,
): void {
  reportSettled(scope, 1, judgement);
  if (judgement.verdict !== VERDICTS.success)
    keepReport(outcome, new OnlyAttempt(scope, judgement, signal));
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
