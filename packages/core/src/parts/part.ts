import { FactSource } from "./facts.js";
import { Living } from "./living.js";

/** The kinds of parts, in the order in which `explain()` lists them. */
export const PART_KINDS = [
  "fallback",
  "deadLetter",
  "deadline",
  "retry",
  "budget",
  "breaker",
  "rateLimit",
  "bulkhead",
  "timeout",
  "classify",
] as const;

export type PartKind = (typeof PART_KINDS)[number];

/**
 * What users pass to make a policy: a breaker, a budget, a timeout. A part owns its options and its state, and any
 * number of policies may refer to it: they then share that state.
 */
export abstract class Part {
  abstract readonly kind: PartKind;
  /** One line for `explain()`. */
  abstract describe(): string;
}

const stateful = new Living<StatefulPart>();

/** A part whose state outlives a call. */
export abstract class StatefulPart extends Part {
  readonly #givenName: string | undefined;
  #adoptedName: string | undefined;
  #twin: StatefulPart | undefined = undefined;

  constructor(name: string | undefined) {
    super();
    this.#givenName = name;
    stateful.add(this);
  }

  /** Its own name, else that of the first policy that uses it. */
  get name(): string {
    return this.#givenName ?? this.#adoptedName ?? this.kind;
  }

  usedBy(policy: string): void {
    this.#adoptedName ??= policy;
  }

  /** Another one with the same options and name, and a state of its own. Who hears of this one hears of that, too. */
  copy(): this {
    return this.#named(this.another(this.facts));
  }

  /**
   * Where policies keep books beside their calls: what happens to it is heard as that. All that are in shadow, or in the
   * control of a canary, and share this part share its twin.
   */
  twin(): this {
    this.#twin ??= this.#named(this.another(new FactSource()));
    return this.#twin as this;
  }

  #named(other: StatefulPart): this {
    other.usedBy(this.name);
    return other as this;
  }

  abstract readonly facts: FactSource;

  protected abstract another(facts: FactSource): StatefulPart;

  /** The one that has been made already, to be told what this one is told. */
  protected get madeTwin(): this | undefined {
    return this.#twin as this | undefined;
  }

  /** As if it had just been made. Work that is running stays accounted for. */
  abstract reset(): void;
}

/** Every part of the process that has a state. */
export function statefulParts(): Iterable<StatefulPart> {
  return stateful;
}
