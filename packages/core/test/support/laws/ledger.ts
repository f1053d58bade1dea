import {
  type Answer,
  type Entrant,
  type Guard,
  Loan,
  Pass,
  Refusal,
  Waiter,
} from "../../../src/guards/guard.js";
import type { Judgement } from "../../../src/verdicts/verdict.js";
import { Bulkhead } from "../../../src/parts/bulkhead.js";
import { RateLimit } from "../../../src/parts/rate-limit.js";
import { CircuitBreaker } from "../../../src/parts/circuit-breaker.js";

/** Books of every pass that the guards of a policy have given out, and of every exit. */
export class PassLedger {
  readonly #passes = new Map<Pass, Pass & Counted>();

  readonly breaker = (options: ConstructorParameters<typeof CircuitBreaker>[0]): CircuitBreaker => {
    const breaker = new CircuitBreaker(options);
    return this.#counting(breaker);
  };

  readonly rateLimit = (options: ConstructorParameters<typeof RateLimit>[0]): RateLimit => {
    const quota = new RateLimit(options);
    return this.#counting(quota);
  };

  readonly bulkhead = (options: ConstructorParameters<typeof Bulkhead>[0]): Bulkhead => {
    const bulkhead = new Bulkhead(options);
    return this.#counting(bulkhead);
  };

  /** Every pass ever given, with how often it was given and exited. */
  get passes(): readonly { readonly given: number; readonly exited: number }[] {
    return [...this.#passes.values()].map(({ given, exited }) => ({ given, exited }));
  }

  /** A pass that the engine holds from now on. The same pass has the same entry, as the engine compares them. */
  give(pass: Pass, guard: Guard): Pass & Counted {
    const counted =
      this.#passes.get(pass) ??
      (pass instanceof Loan
        ? new CountedLoan(pass, guard, this)
        : new CountedPass(pass, guard, this));
    this.#passes.set(pass, counted);
    counted.given++;
    return counted;
  }

  /** What a guard has answered, as the engine gets to see it. */
  count(answer: Answer, guard: Guard): Answer {
    if (answer instanceof Refusal) return answer;
    if (answer instanceof Waiter) return new CountingWaiter(answer, guard, this);
    return this.give(answer, guard);
  }

  /** The engine uses a slot's cell as nothing but a guard; so one that counts can stand in for it. */
  #counting<P extends CircuitBreaker | RateLimit | Bulkhead>(part: P): P {
    const original = part.at.bind(part);
    const guards = new WeakMap<Guard, CountingGuard>();
    part.at = ((key: string | undefined) => {
      const slot = original(key);
      const guard = guards.get(slot.cell) ?? new CountingGuard(slot.cell, this);
      guards.set(slot.cell, guard);
      return Object.create(slot, { cell: { value: guard } }) as typeof slot;
    }) as P["at"];
    return part;
  }
}

class CountingGuard implements Guard {
  readonly #guard: Guard;
  readonly #ledger: PassLedger;

  constructor(guard: Guard, ledger: PassLedger) {
    this.#guard = guard;
    this.#ledger = ledger;
  }

  enter(entrant: Entrant): Answer {
    return this.#ledger.count(this.#guard.enter(entrant), this);
  }

  wouldRefuse(atMs: number): boolean {
    return this.#guard.wouldRefuse(atMs);
  }

  slots(): number {
    return this.#guard.slots();
  }

  waitMs(): number {
    return this.#guard.waitMs();
  }
}

class CountingWaiter extends Waiter {
  readonly #waiter: Waiter;

  constructor(waiter: Waiter, guard: Guard, ledger: PassLedger) {
    super();
    this.#waiter = waiter;
    waiter.ready = (answer) => this.ready(ledger.count(answer, guard) as Pass | Refusal);
  }

  giveUp(): void {
    this.#waiter.giveUp();
  }
}

interface Counted {
  given: number;
  exited: number;
}

class CountedPass extends Pass implements Counted {
  given = 0;
  exited = 0;
  readonly #inner: Pass;
  readonly #guard: Guard;
  readonly #ledger: PassLedger;

  constructor(inner: Pass, guard: Guard, ledger: PassLedger) {
    super();
    this.#inner = inner;
    this.#guard = guard;
    this.#ledger = ledger;
  }

  override get once(): boolean {
    return this.#inner.once;
  }

  override get isProbe(): boolean {
    return this.#inner.isProbe;
  }

  exit(judgement: Judgement, error?: unknown): void {
    this.exited++;
    this.#inner.exit(judgement, error);
  }

  /** What stays behind is another pass, with exits of its own. */
  override outlive(judgement: Judgement, error: unknown): Pass | undefined {
    this.exited++;
    const left = this.#inner.outlive(judgement, error);
    return left === undefined ? undefined : this.#ledger.give(left, this.#guard);
  }

  /** What is held instead is another pass, too. */
  override toLend(): Loan | undefined {
    const loan = this.#inner.toLend();
    if (loan === undefined) return undefined;
    this.exited++;
    return this.#ledger.give(loan, this.#guard) as unknown as Loan;
  }
}

class CountedLoan extends Loan implements Counted {
  given = 0;
  exited = 0;
  readonly guard: Guard;
  readonly #inner: Loan;
  readonly #ledger: PassLedger;

  constructor(inner: Loan, guard: Guard, ledger: PassLedger) {
    super();
    this.#inner = inner;
    this.guard = guard;
    this.#ledger = ledger;
  }

  override get isProbe(): boolean {
    return this.#inner.isProbe;
  }

  lend(entrant: Entrant): Answer {
    return this.#ledger.count(this.#inner.lend(entrant), this.guard);
  }

  exit(judgement: Judgement, error?: unknown): void {
    this.exited++;
    this.#inner.exit(judgement, error);
  }

  override outlive(judgement: Judgement, error: unknown): Pass | undefined {
    this.exited++;
    const left = this.#inner.outlive(judgement, error);
    return left === undefined ? undefined : this.#ledger.give(left, this.guard);
  }
}
