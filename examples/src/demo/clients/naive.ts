import { setTimeout as sleep } from "node:timers/promises";
import { CLIENT } from "../scenario.js";
import { Rates } from "./bare.js";

/** What most scripts do about failures: they try again, a few times, after a short fixed delay. */
export class NaiveRates extends Rates {
  override async latest(base: string): Promise<number> {
    for (let retriesLeft: number = CLIENT.naiveRetries; ; retriesLeft--) {
      try {
        return await super.latest(base);
      } catch (error) {
        if (retriesLeft === 0) throw error;
        await sleep(CLIENT.naiveDelayMs);
      }
    }
  }
}
