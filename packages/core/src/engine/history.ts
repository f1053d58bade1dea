import type { Withdrawal } from "../budget/credit.js";
import { discardResult } from "../classify/judge-result.js";
import { type ErrorSummary, summarize } from "../errors/summary.js";
import type { StoppedBy } from "../events/catalog.js";
import { Loan, type Pass } from "../guards/guard.js";
import type { Timer } from "../time/clock.js";
import type { Judgement } from "../verdicts/verdict.js";
import { type AttemptReport, CallReport } from "./report.js";
import type { Place } from "./plan.js";

/** What an attempt ended with: the error that the task threw, or a result that means failure. */
export interface Outcome {
  readonly value: unknown;
  readonly thrown: boolean;
}

/** A retry that has been decided and paid for; while the call sleeps, its timer. */
export interface Retry {
  readonly delayMs: number;
  /** When it is to begin. */
  readonly atMs: number;
  readonly withdrawal: Withdrawal | undefined;
  timer: Timer | undefined;
}

/** What has gone wrong in one call, and what is done about it. */
export class History {
  /** Of the last attempt. */
  outcome: Outcome = { value: undefined, thrown: true };
  /** The last delay, without what the dependency asked for: the next one may grow from it. */
  backoffMs = 0;
  /** Decided, and not begun yet. */
  retry: Retry | undefined = undefined;
  /** An attempt was cut off by the deadline. */
  cutByDeadline = false;
  readonly #retained: Loan[] = [];
  readonly #scope: Place;
  readonly #attempts: Failure[] = [];
  #stoppedBy: StoppedBy = "attempts";

  constructor(scope: Place) {
    this.#scope = scope;
  }

  failed(attempt: number, judgement: Judgement, outcome: Outcome): void {
    this.outcome = outcome;
    this.#attempts.push({ attempt, judgement, outcome, delayMs: undefined });
  }

  waits(retry: Retry): void {
    this.retry = retry;
    const last = this.#attempts.at(-1);
    if (last !== undefined) last.delayMs = retry.delayMs;
  }

  /** The retry does not run: what was paid for it goes back. */
  refund(): void {
    this.retry?.withdrawal?.refund();
    this.retry = undefined;
  }

  /** A result that failed and that nobody will get must not hold its connection. */
  discardOutcome(): void {
    if (!this.outcome.thrown) discardResult(this.outcome.value);
  }

  /** Passes of earlier attempts whose work may still run: the next attempt runs under them, too. */
  retain(overstays: readonly Pass[] = []): readonly Loan[] {
    this.#retained.push(...overstays.filter((pass) => pass instanceof Loan));
    return this.#retained;
  }

  stopped(by: StoppedBy): this {
    this.#stoppedBy = by;
    return this;
  }

  /**
   * Not where somebody's own rule calls the error a success, and not where every attempt was refused by a policy inside:
   * then nothing has been tried.
   */
  get isFailure(): boolean {
    const verdicts = this.#attempts.map(({ judgement }) => judgement.verdict.name);
    return verdicts.at(-1) !== "success" && verdicts.some((verdict) => verdict !== "refused");
  }

  /** Put together when somebody asks; until then the errors themselves are kept. */
  report(): CallReport {
    const { plan, key } = this.#scope;
    return new CallReport(plan.policy, key, this.attempts(summarize), this.#stoppedBy);
  }

  attempts(summary: (error: unknown) => ErrorSummary): AttemptReport[] {
    return this.#attempts.map((failure) => reportOf(failure, summary));
  }
}

interface Failure {
  readonly attempt: number;
  readonly judgement: Judgement;
  readonly outcome: Outcome;
  delayMs: number | undefined;
}

function reportOf(
  { attempt, judgement, outcome, delayMs }: Failure,
  summary: (error: unknown) => ErrorSummary,
): AttemptReport {
  const { verdict, unknown } = judgement;
  const report = {
    attempt,
    verdict: verdict.name,
    known: !unknown,
    error: summary(outcome.value),
  };
  return delayMs === undefined ? report : { ...report, delayMs };
}
