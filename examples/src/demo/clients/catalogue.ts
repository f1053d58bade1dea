import { Rates as AnnotatedRates } from "./annotated.js";
import { Rates } from "./bare.js";
import { BreakerAloneRates } from "./breaker-alone.js";
import { BudgetAloneRates } from "./budget-alone.js";
import { NaiveRates } from "./naive.js";

/** A client of the demo. */
export interface Client {
  readonly title: string;
  /** What sets it apart; a column is narrow. */
  readonly has: string;
  readonly service: new (url: string) => Pick<Rates, "latest">;
  readonly guards: readonly ("breaker" | "budget")[];
}

export const CLIENTS = {
  bare: { title: "bare", has: "timeout", service: Rates, guards: [] },
  naive: { title: "naive", has: "+ 3 retries", service: NaiveRates, guards: [] },
  annotated: {
    title: "annotated",
    has: "@Resilient",
    service: AnnotatedRates,
    guards: ["breaker", "budget"],
  },
  breakerAlone: {
    title: "breaker",
    has: "alone",
    service: BreakerAloneRates,
    guards: ["breaker"],
  },
  budgetAlone: { title: "budget", has: "alone", service: BudgetAloneRates, guards: ["budget"] },
} as const satisfies Record<string, Client>;

export type ClientName = keyof typeof CLIENTS;

export const MAIN_CLIENTS = ["bare", "naive", "annotated"] as const satisfies ClientName[];
export const ALL_CLIENTS: readonly ClientName[] = [...MAIN_CLIENTS, "breakerAlone", "budgetAlone"];
