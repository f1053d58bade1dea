import type { EventDetails } from "../events/catalog.js";
import { Circuit } from "../guards/circuit/circuit.js";
import type { CircuitHome, SavedCircuit, Transition } from "../guards/circuit/machine.js";
import type { CircuitRules } from "../guards/circuit/rules.js";
import { Keyed, type Slot } from "../keys/keyed.js";
import {
  type CircuitBreakerOptions,
  circuitBreakerSchema,
  type ParsedCircuitBreakerOptions,
  rulesOf,
} from "./circuit-breaker-options.js";
import { textOf } from "./circuit-breaker-text.js";
import { FactSource } from "./facts.js";
import { invalidSpec, parseOptions } from "./options.js";
import { type Reason, StatefulPart } from "./part.js";

export type CircuitState = "closed" | "open" | "half-open";

/** A circuit breaker with its circuits: one, and one more for each key. Make it with `circuitBreaker`. */
export class CircuitBreaker extends StatefulPart implements CircuitHome {
  readonly kind = "breaker";
  readonly facts: FactSource;
  rules: CircuitRules;
  #options: ParsedCircuitBreakerOptions;
  readonly #circuits: Keyed<Circuit>;

  /** @internal */
  given: CircuitBreakerOptions;
  /** @internal */
  readonly original: CircuitBreakerOptions;

  constructor(given: CircuitBreakerOptions, facts: FactSource = new FactSource()) {
    const options = parseOptions(circuitBreakerSchema, given);
    super(options.name);
    this.given = this.original = given;
    this.facts = facts;
    this.#options = options;
    this.rules = rulesOf(options);
    this.#circuits = new Keyed(
      (key) => new Circuit(this, key),
      () => this.#options,
      () =>
        this.facts.tell("keys.overflowed", { guard: this.name, maxKeys: this.#options.maxKeys }),
    );
  }

  /** The state of the circuit, or of that of a key. Asking changes nothing. */
  state(key?: string): CircuitState {
    return this.#circuits.peek(key)?.state.name ?? "closed";
  }

  /**
   * Other options for all policies that share this breaker. State and counts are kept; another kind of window starts
   * empty; a running opening is at most shortened.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC`; the breaker then stays as it was.
   */
  retune(options: CircuitBreakerOptions, reason?: Reason): void {
    this.retuneTo(options, reason);
  }

  protected adopt(options: CircuitBreakerOptions): void {
    const parsed = parseOptions(circuitBreakerSchema, options);
    const problems = this.problemsOfBecoming(parsed);
    if (problems.length > 0) throw invalidSpec(problems);
    const before = this.rules;
    this.#options = parsed;
    this.given = options;
    this.rules = rulesOf(this.#options);
    for (const circuit of this.#circuits.all()) circuit.retuned(before);
  }

  at(key: string | undefined): Slot<Circuit> {
    return this.#circuits.at(key);
  }

  /** All of them; looking changes nothing. */
  each(look: (circuit: Circuit) => void): void {
    this.#circuits.each(look);
  }

  /** After a time without calls nobody knows how the dependency is: probes find out. Of one key, or of all. */
  probe(key?: string): void {
    this.#eachOf(key, (circuit) => {
      if (circuit.state.name !== "half-open") circuit.halfOpen();
    });
  }

  /** Closed and empty: of one key, or of all. */
  close(key?: string): void {
    this.#eachOf(key, (circuit) => circuit.reset());
  }

  #eachOf(key: string | undefined, look: (circuit: Circuit) => void): void {
    if (key === undefined) this.each(look);
    else look(this.#circuits.at(key).cell);
  }

  changed({ key }: Pick<Circuit, "key">, transition: Transition): void {
    if (!this.facts.heard) return;
    const [type, details] = factOf(transition, this.rules);
    this.facts.tell(type, {
      guard: this.name,
      ...(key === undefined ? {} : { key }),
      ...details,
    } as never);
  }

  protected another(facts: FactSource): CircuitBreaker {
    return new CircuitBreaker(this.given, facts);
  }

  reset(): void {
    this.#circuits.clear();
    this.#circuits.common.cell.reset();
  }

  save(nowMs: number): Record<string, SavedCircuit> {
    const saved: Record<string, SavedCircuit> = Object.create(null) as Record<string, SavedCircuit>;
    for (const [key, circuit] of this.#circuits.cells())
      if (!circuit.isPristine(nowMs) || circuit.trips > 0)
        saved[cellName(key)] = circuit.save(nowMs);
    return saved;
  }

  restore(saved: Readonly<Record<string, SavedCircuit>>, elapsedMs: number): void {
    this.reset();
    for (const [name, circuit] of Object.entries(saved))
      this.at(keyOf(name)).cell.restore(circuit, elapsedMs);
  }

  describe(): string {
    return textOf(this.rules);
  }
}

/** In a snapshot, the state without a key is `""` and a key is preceded by `=`, so that the two can't be confused. */
function cellName(key: string | undefined): string {
  return key === undefined ? "" : `=${key}`;
}

function keyOf(name: string): string | undefined {
  return name === "" ? undefined : name.slice(1);
}

type CircuitFact = "circuit.opened" | "circuit.half_opened" | "circuit.closed";

function factOf(
  transition: Transition,
  rules: CircuitRules,
): [CircuitFact, Partial<EventDetails[CircuitFact]>] {
  switch (transition.to) {
    case "open": {
      const { reason, openMs, cause } = transition;
      const threshold = reason === "probes" ? {} : { threshold: rules[reason] };
      const because = cause === undefined ? {} : { cause };
      return ["circuit.opened", { reason, ...threshold, openMs, ...because }];
    }
    case "half-open":
      return ["circuit.half_opened", { probes: transition.probes }];
    case "closed":
      return ["circuit.closed", { openedForMs: transition.openedForMs }];
  }
}

/**
 * A circuit breaker: stops calling a dependency that fails, and finds out when it is well again.
 *
 * Pass it to `@Resilient`, `resilient` or `wrap`. Give the same one to all methods that call the same dependency.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options.
 * @example
 * const breaker = circuitBreaker({ failureRatio: 0.5, openMs: "15s" });
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  return new CircuitBreaker(options);
}
