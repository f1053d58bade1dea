import { summarize } from "../errors/summary.js";
import type { StoppedBy } from "../events/catalog.js";
import type { Judgement } from "../verdicts/verdict.js";
import { type AttemptReport, CallReport } from "./report.js";
import type { Scope } from "./scope.js";

/** The attempts of one call that did not succeed; made with the first of them. */
export class History {
  readonly #scope: Scope;
  readonly #attempts: AttemptReport[] = [];
  #stoppedBy: StoppedBy = "attempts";

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  failed(attempt: number, { verdict, unknown }: Judgement, outcome: unknown): void {
    this.#attempts.push({ attempt, verdict: verdict.name, known: !unknown, error: summarize(outcome) });
  }

  waits(delayMs: number): void {
    const last = this.#attempts.pop();
    if (last !== undefined) this.#attempts.push({ ...last, delayMs });
  }

  stopped(by: StoppedBy): this {
    this.#stoppedBy = by;
    return this;
  }

  report(): CallReport {
    return new CallReport(this.#scope.plan.policy, this.#scope.key, this.#attempts, this.#stoppedBy);
  }
}
