import type { Issue } from "../errors/errors.js";
import { differences } from "./changes.js";
import { FactSource } from "./facts.js";
import { Living } from "./living.js";
import { issueOf } from "./options.js";

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
  /** Its options, as they were given last. @internal */
  abstract readonly given: object;
  /** One line for `explain()`. */
  abstract describe(): string;
}

const stateful = new Living<StatefulPart>();

/** Who changed something, and for what reason. */
export interface Reason {
  readonly by?: string;
  readonly why?: string;
}

/** Something that runs under a part, and is told when its options have changed. */
export interface PartUser {
  readonly name: string;
  partRetuned(part: StatefulPart, reason: Reason): void;
}

/** A part whose state outlives a call. */
export abstract class StatefulPart extends Part {
  /** The options that it was made with. @internal */
  abstract readonly original: object;
  /** @internal */
  abstract readonly facts: FactSource;
  readonly #givenName: string | undefined;
  #adoptedName: string | undefined;
  #twin: StatefulPart | undefined = undefined;
  readonly #users = new Living<PartUser>();
  #copies: Living<StatefulPart> | undefined;
  #isCopy = false;

  constructor(name: string | undefined) {
    super();
    this.#givenName = name;
    stateful.add(this);
  }

  /** Its own name, else that of the first policy that uses it. */
  get name(): string {
    return this.#givenName ?? this.#adoptedName ?? this.kind;
  }

  /** The name that it was given, and not that of a policy. @internal */
  get ownName(): string | undefined {
    return this.#givenName;
  }

  /** One of an object's own, which goes with its template. @internal */
  get isCopy(): boolean {
    return this.#isCopy;
  }

  usedBy(policy: string): void {
    this.#adoptedName ??= policy;
  }

  /** Nobody is kept alive by it. @internal */
  join(user: PartUser): void {
    this.#users.add(user);
  }

  /** @internal */
  leave(user: PartUser): void {
    this.#users.remove(user);
  }

  /** The policies that use it. @internal */
  get users(): readonly PartUser[] {
    return [...this.#users];
  }

  /** Another one with the same options and name, and a state of its own. Who hears of this one hears of that, too. */
  copy(): this {
    return this.#copied(this.another(this.facts));
  }

  /**
   * Where policies keep books beside their calls: what happens to it is heard as that. All that are in shadow, or in the
   * control of a canary, and share this part share its twin.
   */
  twin(): this {
    this.#twin ??= this.#copied(this.another(new FactSource()));
    return this.#twin as this;
  }

  #copied(copy: StatefulPart): this {
    copy.usedBy(this.name);
    copy.#isCopy = true;
    (this.#copies ??= new Living()).add(copy);
    return copy as this;
  }

  /** Other options, for this one and its copies, without telling anybody. They have been checked. @internal */
  become(options: object): void {
    this.adopt(options);
    for (const copy of this.#copies ?? []) copy.become(options);
  }

  /** The same, by whoever holds the part: all policies that use it are told. @internal */
  retuneTo(options: object, reason: Reason = {}): void {
    const before = this.given;
    this.become(options);
    const changes = differences(fieldsOf(before), fieldsOf(options));
    if (changes.length === 0) return;
    for (const user of this.users) user.partRetuned(this, reason);
    this.facts.tell("guard.retuned", { guard: this.name, ...reason, changes });
  }

  /** What speaks against other options, beside what is wrong with them. @internal */
  problemsOfBecoming({ name }: { readonly name?: unknown }): readonly Issue[] {
    if (name === undefined || name === this.#givenName) return [];
    const hint = "Metrics and snapshots know it by its name: make another one";
    return [issueOf(`${this.kind}.name`, `no other name than ${this.name}`, name, hint)];
  }

  protected abstract another(facts: FactSource): StatefulPart;

  /** @throws BreakwaterError `ERR_INVALID_SPEC`; nothing has changed then. */
  protected abstract adopt(options: object): void;

  /** As if it had just been made. Work that is running stays accounted for. */
  abstract reset(): void;
}

function fieldsOf(options: object): Map<string, unknown> {
  return new Map(Object.entries(options));
}

/** Every part of the process that has a state. */
export function statefulParts(): Iterable<StatefulPart> {
  return stateful;
}
