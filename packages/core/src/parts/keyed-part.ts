import { type Cell, Keyed, type KeyRules, type Slot } from "../keys/keyed.js";
import { FactSource } from "./facts.js";
import { invalidSpec, issueOf } from "./options.js";
import { StatefulPart } from "./part.js";

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
  Given,
  Rules extends PerKeyRules,
  C extends QueueingCell<Rules>,
> extends StatefulPart {
  readonly facts: FactSource;
  rules: Rules;
  protected given: Given;
  protected readonly cells: Keyed<C>;
  readonly #parse: (given: Given) => Rules;

  constructor(parse: (given: Given) => Rules, given: Given, facts: FactSource = new FactSource()) {
    const rules = parse(given);
    super(rules.name);
    this.#parse = parse;
    this.given = given;
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
  retune(options: Given): void {
    const rules = this.#parse(options);
    const hint = `Make another ${this.kind}: what it counts now is counted either by key or together`;
    if (rules.perKey !== this.rules.perKey)
      throw invalidSpec([
        issueOf(`${this.kind}.perKey`, String(this.rules.perKey), rules.perKey, hint),
      ]);
    const before = this.rules;
    this.given = options;
    this.rules = rules;
    for (const cell of this.cells.all()) cell.retuned(before);
    this.madeTwin?.retune(options);
  }

  at(key: string | undefined): Slot<C> {
    return this.cells.at(this.rules.perKey ? key : undefined);
  }

  protected abstract newCell(key: string | undefined): C;
}
