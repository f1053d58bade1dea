import type { Pass } from "../guards/guard.js";
import type { Judgement } from "../verdicts/verdict.js";

/** What a task's promise is chained with. */
export interface Handlers {
  onValue(this: void, value: unknown): unknown;
  onError(this: void, error: unknown): never;
}

/**
 * What an attempt holds while it runs: one pass of each guard. As long as the guards hand out what they handed out last
 * time, all attempts share one admission, and nothing is made per call.
 */
export class Admission {
  readonly passes: readonly Pass[];
  /** What all direct calls under this admission settle with. */
  handlers: Handlers | undefined = undefined;

  constructor(passes: readonly Pass[]) {
    this.passes = passes;
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
}
