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
    const copy = this.another();
    copy.usedBy(this.name);
    return copy as this;
  }

  protected abstract another(): StatefulPart;

  /** As if it had just been made. Work that is running stays accounted for. */
  abstract reset(): void;
}

/** Every part of the process that has a state. */
export function statefulParts(): Iterable<StatefulPart> {
  return stateful;
}
