import { type Entrant, type Guard, Pass, Refusal } from "../../../src/guards/guard.js";
import type { Judgement } from "../../../src/verdicts/verdict.js";
import { Bulkhead } from "../../../src/parts/bulkhead.js";
import { CircuitBreaker } from "../../../src/parts/circuit-breaker.js";

/** Books of every pass that the guards of a policy have given out, and of every exit. */
export class PassLedger {
  readonly #passes = new Map<Pass, CountedPass>();

  readonly breaker = (options: ConstructorParameters<typeof CircuitBreaker>[0]): CircuitBreaker => {
    const breaker = new CircuitBreaker(options);
    return this.#counting(breaker);
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
  give(pass: Pass): CountedPass {
    const counted = this.#passes.get(pass) ?? new CountedPass(pass, this);
    this.#passes.set(pass, counted);
    counted.given++;
    return counted;
  }

  /** The engine uses a slot's cell as nothing but a guard; so one that counts can stand in for it. */
  #counting<P extends CircuitBreaker | Bulkhead>(part: P): P {
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

  enter(entrant: Entrant): Pass | Refusal {
    const retained = entrant.retained?.map((pass) =>
      pass instanceof CountedPass ? pass.inner : pass,
    );
    const answer = this.#guard.enter({ ...entrant, retained });
    return answer instanceof Refusal ? answer : this.#ledger.give(answer);
  }

  wouldRefuse(atMs: number): boolean {
    return this.#guard.wouldRefuse(atMs);
  }
}

class CountedPass extends Pass {
  readonly inner: Pass;
  given = 0;
  exited = 0;
  readonly #ledger: PassLedger;

  constructor(inner: Pass, ledger: PassLedger) {
    super();
    this.inner = inner;
    this.#ledger = ledger;
  }

  override get once(): boolean {
    return this.inner.once;
  }

  exit(judgement: Judgement, error?: unknown): void {
    this.exited++;
    this.inner.exit(judgement, error);
  }

  /** What stays behind is another pass, with exits of its own. */
  override outlive(judgement: Judgement, error: unknown): Pass | undefined {
    this.exited++;
    const left = this.inner.outlive(judgement, error);
    return left === undefined ? undefined : this.#ledger.give(left);
  }
}
