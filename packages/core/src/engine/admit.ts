import {
  type Answer,
  type Entrant,
  type Guard,
  type Loan,
  type Pass,
  Refusal,
  Waiter,
} from "../guards/guard.js";
import { NOT_RUN } from "../verdicts/verdict.js";
import { Admission } from "./admission.js";
import type { Scope } from "./scope.js";

/** Not yet: one of the guards has a queue, and this is the place in it. What the others gave has been given back. */
export class Turn {
  readonly waiter: Waiter;
  readonly guard: Guard;

  constructor(waiter: Waiter, guard: Guard) {
    this.waiter = waiter;
    this.guard = guard;
  }
}

/** Asks every guard in turn. A refusal half way gives back what was held by then. */
export function admit(scope: Scope, entrant: Entrant): Admission | Refusal | Turn {
  const { guards, usual } = scope;
  for (let i = 0; i < guards.length; i++) {
    const answer = (guards[i] as Guard).enter(entrant);
    if (answer !== usual.passes[i])
      return admitUnusual(scope, entrant, [], usual.passes.slice(0, i), answer);
  }
  return usual;
}

/** The same for an attempt that may run under what the call, or an attempt around it, holds already. */
export function admitUnder(
  scope: Scope,
  entrant: Entrant,
  loans: readonly Loan[],
): Admission | Refusal | Turn {
  const [first] = scope.guards;
  if (loans.length === 0 || first === undefined) return admit(scope, entrant);
  return admitUnusual(scope, entrant, loans, [], ask(first, entrant, loans));
}

function admitUnusual(
  scope: Scope,
  entrant: Entrant,
  loans: readonly Loan[],
  passes: Pass[],
  first: Answer,
): Admission | Refusal | Turn {
  let answer = first;
  let asking = entrant;
  while (!(answer instanceof Refusal || answer instanceof Waiter)) {
    passes.push(answer);
    const guard = scope.guards[passes.length];
    if (guard === undefined) return keep(scope, new Admission(passes));
    if (answer.isProbe) asking = { ...entrant, mostWaitMs: 0 };
    answer = ask(guard, asking, loans);
  }
  for (const pass of passes) pass.exit(NOT_RUN);
  return answer instanceof Refusal
    ? answer
    : new Turn(answer, scope.guards[passes.length] as Guard);
}

function ask(guard: Guard, entrant: Entrant, loans: readonly Loan[]): Answer {
  const loan = loans.find(({ guard: lender }) => lender === guard);
  return loan === undefined ? guard.enter(entrant) : loan.lend(entrant);
}

function keep(scope: Scope, admission: Admission): Admission {
  if (!admission.passes.some((pass) => pass.once)) scope.usual = admission;
  return admission;
}
