import { type Entrant, type Pass, Refusal } from "../guards/guard.js";
import { JUDGED } from "../verdicts/verdict.js";
import { Admission } from "./admission.js";
import type { Scope } from "./scope.js";

/** Asks every guard in turn. A refusal half way gives back what was held by then. */
export function admit(scope: Scope, entrant: Entrant): Admission | Refusal {
  const { guards } = scope.parts;
  const { usual } = scope;
  for (let i = 0; i < guards.length; i++) {
    const answer = (guards[i] as (typeof guards)[number]).enter(entrant);
    if (answer !== usual.passes[i])
      return admitUnusual(scope, entrant, usual.passes.slice(0, i), answer);
  }
  return usual;
}

function admitUnusual(
  scope: Scope,
  entrant: Entrant,
  passes: Pass[],
  answer: Pass | Refusal,
): Admission | Refusal {
  const { guards } = scope.parts;
  while (!(answer instanceof Refusal)) {
    passes.push(answer);
    const guard = guards[passes.length];
    if (guard === undefined) return keep(scope, new Admission(passes));
    answer = guard.enter(entrant);
  }
  for (const pass of passes) pass.exit(JUDGED.refused);
  return answer;
}

function keep(scope: Scope, admission: Admission): Admission {
  if (!admission.passes.some((pass) => pass.once)) scope.usual = admission;
  return admission;
}
