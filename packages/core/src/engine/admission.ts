import { type Entrant, type Pass, Refusal } from "../guards/guard.js";
import { type Judgement, JUDGED } from "../verdicts/verdict.js";
import type { Scope } from "./scope.js";

/**
 * What an attempt holds while it runs: one pass of each guard. As long as the guards hand out what they handed out last
 * time, all attempts share one admission, and nothing is made per call.
 */
export class Admission {
  readonly scope: Scope;
  readonly passes: readonly Pass[];
  /** The settle handlers that all direct calls under this admission share. */
  onValue: ((value: unknown) => unknown) | undefined = undefined;
  onError: ((error: unknown) => never) | undefined = undefined;

  constructor(scope: Scope, passes: readonly Pass[]) {
    this.scope = scope;
    this.passes = passes;
  }

  exit(judgement: Judgement, error?: unknown): void {
    const { passes } = this;
    for (let i = 0; i < passes.length; i++) (passes[i] as Pass).exit(judgement, error);
  }

  /** After a timeout: the outcome is known, the work goes on. What stays behind is exited when the work ends. */
  outlive(judgement: Judgement, error: unknown): readonly Pass[] {
    return this.passes.map((pass) => pass.outlive(judgement, error)).filter((pass) => pass !== undefined);
  }
}

/** Asks every guard in turn. A refusal half way gives back what was held by then. */
export function admit(scope: Scope, entrant: Entrant): Admission | Refusal {
  const { guards } = scope.parts;
  const { usual } = scope;
  for (let i = 0; i < guards.length; i++) {
    const answer = (guards[i] as (typeof guards)[number]).enter(entrant);
    if (answer !== usual.passes[i]) return admitUnusual(scope, entrant, usual.passes.slice(0, i), answer);
  }
  return usual;
}

function admitUnusual(scope: Scope, entrant: Entrant, passes: Pass[], answer: Pass | Refusal): Admission | Refusal {
  const { guards } = scope.parts;
  while (!(answer instanceof Refusal)) {
    passes.push(answer);
    const guard = guards[passes.length];
    if (guard === undefined) return keep(scope, new Admission(scope, passes));
    answer = guard.enter(entrant);
  }
  for (const pass of passes) pass.exit(JUDGED.refused);
  return answer;
}

function keep(scope: Scope, admission: Admission): Admission {
  if (!admission.passes.some((pass) => pass.once)) scope.usual = admission;
  return admission;
}
