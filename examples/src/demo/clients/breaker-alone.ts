import { Resilient } from "@breakwater/core";
import { Rates } from "./bare.js";
import { breaker } from "./parts.js";

/** A breaker alone never retries. */
export class BreakerAloneRates extends Rates {
  @Resilient(breaker)
  override async latest(base: string): Promise<number> {
    return super.latest(base);
  }
}
