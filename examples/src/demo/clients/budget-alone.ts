import { Resilient } from "@breakwater/core";
import { Rates } from "./bare.js";
import { budget } from "./parts.js";

/** A budget alone bounds the retries, and goes on calling whatever happens. */
export class BudgetAloneRates extends Rates {
  @Resilient(budget)
  override async latest(base: string): Promise<number> {
    return super.latest(base);
  }
}
