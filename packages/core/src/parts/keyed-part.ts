import { type Cell, Keyed, type KeyRules, type Slot } from "../keys/keyed.js";
import { FactSource } from "./facts.js";
import { invalidSpec, issueOf } from "./options.js";
import type { Issue } from "../errors/errors.js";
import { type Reason, StatefulPart } from "./part.js";

/** What parts with one state for all, or one for each key, are told alike. */
interface PerKeyRules extends KeyRules {
  readonly name?: string | undefined;
  readonly perKey: boolean;
}

interface QueueingCell<Rules> extends Cell {
  readonly queued: number;
  /** The rules have changed. */
  retuned(before: Rules): void;
}

/** A part whose state is one for all keys, unless `perKey` says otherwise, and in which calls may wait. */
export abstract class KeyedPart<
  Given extends object,
  Rules extends PerKeyRules,
  C extends QueueingCell<Rules>,
> extends StatefulPart {
  readonly facts: FactSource;
  rules: Rules;
  /** @internal */
  given: Given;
  /** @internal */
  readonly original: Given;
  protected readonly cells: Keyed<C>;
  readonly #parse: (given: Given) => Rules;

  constructor(parse: (given: Given) => Rules, given: Given, facts: FactSource = new FactSource()) {
    const rules = parse(given);
    super(rules.name);
    this.#parse = parse;
    this.given = this.original = given;
    this.rules = rules;
    this.facts = facts;
    this.cells = new Keyed(
      (key) => this.newCell(key),
      () => this.rules,
      () => this.facts.tell("keys.overflowed", { guard: this.name, maxKeys: this.rules.maxKeys }),
    );
  }

  /** How many calls wait now, over all keys. */
  get queued(): number {
    let sum = 0;
    for (const cell of this.cells.all()) sum += cell.queued;
    return sum;
  }

  /**
   * Other options for all policies that share this part. What runs goes on, and what has been used stays used.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC`; the part then stays as it was.
   */
  retune(options: Given, reason?: Reason): void {
    this.retuneTo(options, reason);
  }

  protected adopt(options: Given): void {
    const rules = this.#parse(options);
    const problems = this.problemsOfBecoming(rules);
    if (problems.length > 0) throw invalidSpec(problems);
    const before = this.rules;
    this.given = options;
    this.rules = rules;
    for (const cell of this.cells.all()) cell.retuned(before);
  }

  override problemsOfBecoming(options: {
    readonly name?: unknown;
    readonly perKey?: unknown;
  }): readonly Issue[] {
    const problems = super.problemsOfBecoming(options);
    const { perKey = false } = options;
    if (perKey === this.rules.perKey) return problems;
    const hint = `Make another ${this.kind}: what it counts now is counted either by key or together`;
    const here = String(this.rules.perKey);
    return [...problems, issueOf(`${this.kind}.perKey`, here, perKey, hint)];
  }

  at(key: string | undefined): Slot<C> {
    return this.cells.at(this.rules.perKey ? key : undefined);
  }

  protected abstract newCell(key: string | undefined): C;
}
