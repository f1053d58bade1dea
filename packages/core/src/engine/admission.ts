import type { Frame } from "../call/call.js";
import type { Loan, Pass } from "../guards/guard.js";
import type { Judgement } from "../verdicts/verdict.js";

/** What all direct calls under one admission have in common: their frame, and what a task's promise is chained with. */
export interface SharedCall extends Frame {
  readonly onValue: (this: void, value: unknown) => unknown;
  readonly onError: (this: void, error: unknown) => never;
}

/**
 * What an attempt holds while it runs: one pass of each guard. As long as the guards hand out what they handed out last
 * time, all attempts share one admission, and nothing is made per call.
 */
export class Admission {
  readonly passes: readonly Pass[];
  /** Made by the direct driver, for its calls. */
  shared: SharedCall | undefined = undefined;

  constructor(passes: readonly Pass[]) {
    this.passes = passes;
  }

  /** Nothing has been lent: this is what is exited. */
  end(): this {
    return this;
  }

  exit(judgement: Judgement, error?: unknown): void {
    const { passes } = this;
    for (let i = 0; i < passes.length; i++) (passes[i] as Pass).exit(judgement, error);
  }

  /** After a timeout: the outcome is known, the work goes on. What stays behind is exited when the work ends. */
  outlive(judgement: Judgement, error: unknown): readonly Pass[] {
    return this.passes
      .map((pass) => pass.outlive(judgement, error))
      .filter((pass) => pass !== undefined);
  }

  /** A call begins inside the attempt: what that holds from now on, and what of it the call may run under. */
  toLend(): { readonly admission: Admission; readonly loans: readonly Loan[] } {
    const loans = this.passes.map((pass) => pass.toLend());
    const passes = this.passes.map((pass, i) => loans[i] ?? pass);
    return {
      admission: new Admission(passes),
      loans: loans.filter((loan) => loan !== undefined),
    };
  }
}
