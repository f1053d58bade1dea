import { type Guard, Loan, type Pass, type Waiter } from "../guards/guard.js";
import { NOT_RUN } from "../verdicts/verdict.js";

/** Not yet: one of the guards has a queue, and this is the place in it. What the others gave has been given back. */
export class Turn {
  readonly waiter: Waiter;
  readonly guard: Guard;

  constructor(waiter: Waiter, guard: Guard) {
    this.waiter = waiter;
    this.guard = guard;
  }
}

/** What a queue has given to this attempt; its guard is not asked again. */
export class Granted extends Loan {
  readonly guard: Guard;
  #pass: Pass | undefined;

  constructor(guard: Guard, pass: Pass) {
    super();
    this.guard = guard;
    this.#pass = pass;
  }

  lend(): Pass {
    const pass = this.#pass as Pass;
    this.#pass = undefined;
    return pass;
  }

  exit(): void {
    this.giveBackUnused();
  }

  giveBackUnused(): void {
    this.#pass?.exit(NOT_RUN);
    this.#pass = undefined;
  }
}
