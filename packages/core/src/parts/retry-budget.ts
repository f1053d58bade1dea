import {
  type BudgetHome,
  type BudgetRules,
  Credit,
  Reserve,
  type SavedCredit,
  type SavedReserve,
  shareOf,
} from "../budget/credit.js";
import { Keyed, type Slot } from "../keys/keyed.js";
import { type Duration, formatDuration, LONGEST_TIMER_MS } from "../time/duration.js";
import { keyFields } from "./key-fields.js";
import { FactSource } from "./facts.js";
import {
  duration,
  integer,
  invalidSpec,
  oneOf,
  type Parsed,
  parseOptions,
  ratio,
  type Schema,
  text,
} from "./options.js";
import { type Reason, StatefulPart } from "./part.js";

/**
 * How many retries a dependency may be sent, as a share of the calls it gets anyway.
 *
 * In any time span from a to b: retries ≤ `ratio` x calls begun between a − `windowMs` and b, + the reserve at a,
 * + one for each `reserveRefillMs` between, + 1.
 */
export interface RetryBudgetOptions {
  /** For errors, events and metrics. Default: the name of the first policy that uses it. */
  readonly name?: string;
  /** Retries per call. 0 to 1; default 0.2. Take 0.1 for a dependency that is easily overloaded. */
  readonly ratio?: number;
  /** A call's deposit lapses after this time. 10 ms to 24.8 days; default 10 s. */
  readonly windowMs?: Duration;
  /** Retries for those who call too rarely to have credit. 0 to 1,000,000; default 10. It starts full. */
  readonly reserve?: number;
  /** One token comes back to the reserve in each such time. 1 ms to 24.8 days; default 30 s. */
  readonly reserveRefillMs?: Duration;
  /** Who deposits: every call, or only those that prove the dependency alive. Default `'calls'`. */
  readonly credit?: "calls" | "successes";
  /** How many keys have credit of their own; more share one. 1 to 1,000,000; default 10,000. */
  readonly maxKeys?: number;
  /** A key that was not asked for during this time is forgotten. Default 10 min. */
  readonly idleKeyMs?: Duration;
}

const fields = {
  name: text({ meaning: "for errors, events and metrics", default: "the first policy's name" }),
  ratio: ratio("from 0", 0.2, { meaning: "retries per call" }),
  windowMs: duration(10, LONGEST_TIMER_MS, 10_000, {
    meaning: "a call's deposit lapses after this time",
  }),
  reserve: integer(0, 1_000_000, 10, {
    meaning: "retries for those who call too rarely to have credit; starts full",
  }),
  reserveRefillMs: duration(1, LONGEST_TIMER_MS, 30_000, {
    meaning: "one token comes back to the reserve in each such time",
  }),
  credit: oneOf(["calls", "successes"], "calls", {
    meaning: "who deposits: every call, or only proofs of life",
  }),
  ...keyFields,
} as const;

type Options = Parsed<typeof fields>;

export const retryBudgetSchema: Schema<typeof fields> = {
  title: "retryBudget",
  fields,
  peerNames: {
    percentCanRetry: (value) =>
      typeof value === "number" && value > 1 ? `ratio: ${value / 100}` : "ratio",
    retryRatio: () => "ratio",
    budgetPercent: (value) => (typeof value === "number" ? `ratio: ${value / 100}` : "ratio"),
    ttl: () => "windowMs",
    ttlMs: () => "windowMs",
    minRetriesPerSecond: () => "reserve with reserveRefillMs",
    minConcurrency: () => "reserve with reserveRefillMs",
    maxTokens: () => "reserve",
    tokenRatio: () => "ratio",
  },
};

function rulesOf(options: Options): Options & BudgetRules {
  return Object.freeze({ ...options, share: shareOf(options.ratio) });
}

export interface SavedBudget {
  readonly reserve: SavedReserve;
  readonly credits: Readonly<Record<string, SavedCredit>>;
}

/** A retry budget: credit by key, and one reserve for all. Make it with `retryBudget`. */
export class RetryBudget extends StatefulPart implements BudgetHome {
  readonly kind = "budget";
  readonly facts: FactSource;
  rules: Options & BudgetRules;
  readonly #reserve: Reserve;
  readonly #credits: Keyed<Credit>;

  /** @internal */
  given: RetryBudgetOptions;
  /** @internal */
  readonly original: RetryBudgetOptions;

  constructor(given: RetryBudgetOptions, facts: FactSource = new FactSource()) {
    const options = parseOptions(retryBudgetSchema, given);
    super(options.name);
    this.given = this.original = given;
    this.facts = facts;
    this.rules = rulesOf(options);
    this.#reserve = new Reserve(this);
    this.#credits = new Keyed(
      () => new Credit(this, this.#reserve),
      () => this.rules,
      () => this.facts.tell("keys.overflowed", { guard: this.name, maxKeys: this.rules.maxKeys }),
    );
  }

  /** Whole retries that could be paid now: from the credit (of a key), and from the reserve. Asking changes nothing. */
  available(key?: string): { readonly credit: number; readonly reserve: number } {
    return { credit: this.#credits.peek(key)?.retries ?? 0, reserve: this.#reserve.tokens };
  }

  /**
   * Other options for all policies that share this budget. Credit and reserve are kept, and cut to the new bounds.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC`; the budget then stays as it was.
   */
  retune(options: RetryBudgetOptions, reason?: Reason): void {
    this.retuneTo(options, reason);
  }

  protected adopt(options: RetryBudgetOptions): void {
    const rules = rulesOf(parseOptions(retryBudgetSchema, options));
    const problems = this.problemsOfBecoming(rules);
    if (problems.length > 0) throw invalidSpec(problems);
    this.#reserve.settle();
    this.given = options;
    this.rules = rules;
  }

  at(key: string | undefined): Slot<Credit> {
    return this.#credits.at(key);
  }

  protected another(facts: FactSource): RetryBudget {
    return new RetryBudget(this.given, facts);
  }

  reset(): void {
    this.#reserve.reset();
    this.#credits.clear();
    this.#credits.common.cell.restore([], 0);
  }

  save(nowMs: number): SavedBudget {
    const credits: Record<string, SavedCredit> = Object.create(null) as Record<string, SavedCredit>;
    for (const [key, credit] of this.#credits.cells())
      if (!credit.isPristine()) credits[key === undefined ? "" : `=${key}`] = credit.save(nowMs);
    return { reserve: this.#reserve.save(nowMs), credits };
  }

  restore({ reserve, credits }: SavedBudget, elapsedMs: number): void {
    this.reset();
    this.#reserve.restore(reserve, elapsedMs);
    for (const [name, credit] of Object.entries(credits))
      this.at(name === "" ? undefined : name.slice(1)).cell.restore(credit, elapsedMs);
  }

  describe(): string {
    const { ratio: share, windowMs, reserve, reserveRefillMs, credit } = this.rules;
    const of = credit === "calls" ? "the calls" : "the answered calls";
    const beside =
      reserve === 0
        ? "no reserve"
        : `a reserve of ${reserve}, one back every ${formatDuration(reserveRefillMs)}`;
    return `retries ≤ ${share} of ${of} of the last ${formatDuration(windowMs)}; ${beside}`;
  }
}

/**
 * A retry budget: retries can never exceed a share of the real traffic, whatever fails. Give the same one to everything
 * that calls the same dependency.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options.
 * @example
 * const budget = retryBudget({ ratio: 0.1 });
 */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  return new RetryBudget(options);
}
