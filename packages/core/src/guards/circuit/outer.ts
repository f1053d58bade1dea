import { isCausedBy } from "../../errors/causes.js";
import { type Judgement, JUDGED } from "../../verdicts/verdict.js";
import { type Answer, type Entrant, Loan, Pass } from "../guard.js";
import type { Machine } from "./machine.js";

/**
 * What an attempt holds while calls inside it ask the same circuit. Their attempts enter as all others do; but a probe
 * is lent to them, as they are what tries the dependency. What they have told the circuit is not told again by the
 * attempt around them: one failure counts once, and so does one success.
 */
export class Outer extends Loan {
  readonly guard: Machine;
  readonly #pass: Pass;
  #told = false;
  #toldError: unknown = undefined;

  constructor(circuit: Machine, pass: Pass) {
    super();
    this.guard = circuit;
    this.#pass = pass;
  }

  override get isProbe(): boolean {
    return this.#pass.isProbe;
  }

  lend(entrant: Entrant): Answer {
    const lent = this.isProbe && !this.#told ? this.#pass : this.guard.enter(entrant);
    return lent instanceof Pass ? new Inner(this, lent, lent === this.#pass) : lent;
  }

  /** An attempt inside has had its outcome. */
  tell(error: unknown): void {
    this.#told = true;
    this.#toldError = error;
  }

  exit(judgement: Judgement, error?: unknown): void {
    const isNews = !this.#told || (!judgement.verdict.alive && !isCausedBy(error, this.#toldError));
    this.#pass.exit(isNews ? judgement : JUDGED.ignored, error);
  }
}

/** What an attempt of a call inside holds. */
class Inner extends Pass {
  readonly #outer: Outer;
  readonly #pass: Pass;
  /** A probe that is the outer attempt's, too: it stays with that as long as nothing is known. */
  readonly #isLent: boolean;

  constructor(outer: Outer, pass: Pass, isLent: boolean) {
    super();
    this.#outer = outer;
    this.#pass = pass;
    this.#isLent = isLent;
  }

  override get once(): boolean {
    return true;
  }

  override get isProbe(): boolean {
    return this.#pass.isProbe;
  }

  exit(judgement: Judgement, error?: unknown): void {
    const isOutcome = judgement.verdict.inWindow;
    if (isOutcome) this.#outer.tell(error);
    if (isOutcome || !this.#isLent) this.#pass.exit(judgement, error);
  }

  override toLend(): Loan {
    return new Outer(this.#outer.guard, this);
  }
}
