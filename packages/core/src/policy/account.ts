import { Counters } from "../engine/counters.js";
import { Estimates } from "../engine/shadow/estimates.js";
import { Work } from "../engine/work.js";
import type { Cohort } from "../events/catalog.js";
import { Measures } from "./cohorts/measures.js";

/** What some of a policy's calls have done, and are doing: it goes on from plan to plan. */
export class Account {
  readonly counters: Counters = new Counters();
  readonly work: Work = new Work();
  readonly estimates: Estimates = new Estimates();
  #measures: Measures | undefined;

  /** Of calls that are to be compared: a histogram is made only for them. */
  get measures(): Measures {
    return (this.#measures ??= new Measures());
  }
}

/** Those of a policy: of all its calls; and where it has, or has had, a canary, of its cohorts. */
export class Accounts {
  readonly #byCohort = new Map<Cohort | undefined, Account>();

  of(cohort: Cohort | undefined): Account {
    const known = this.#byCohort.get(cohort);
    if (known !== undefined) return known;
    const account = new Account();
    this.#byCohort.set(cohort, account);
    return account;
  }

  all(): Iterable<Account> {
    return this.#byCohort.values();
  }
}
