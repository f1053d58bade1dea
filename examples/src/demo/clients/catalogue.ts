import { Rates as AnnotatedRates } from "./annotated.js";
import { Rates } from "./bare.js";
import { BreakerAloneRates } from "./breaker-alone.js";
import { BudgetAloneRates } from "./budget-alone.js";
import { NaiveRates } from "./naive.js";

/** The service class of each client, and what sets it apart. */
export const CLIENTS = {
  bare: { service: Rates, has: "timeout only", guards: [] },
  naive: { service: NaiveRates, has: "+ 3 retries", guards: [] },
  annotated: { service: AnnotatedRates, has: "+ @Resilient", guards: ["breaker", "budget"] },
  breakerAlone: { service: BreakerAloneRates, has: "breaker alone", guards: ["breaker"] },
  budgetAlone: { service: BudgetAloneRates, has: "budget alone", guards: ["budget"] },
} as const;

export type ClientName = keyof typeof CLIENTS;

export const MAIN_CLIENTS = ["bare", "naive", "annotated"] as const satisfies ClientName[];
export const ALL_CLIENTS: readonly ClientName[] = [...MAIN_CLIENTS, "breakerAlone", "budgetAlone"];
