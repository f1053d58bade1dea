import type { InternalAxiosRequestConfig } from "axios";
import type { Traits } from "../policy/traits.js";
import type { Warnings } from "../errors/warnings.js";

const STATE = "axios-retry";

/**
 * Two layers of retries multiply: 3 times 4 requests for one. axios-retry leaves its state on each config; where our policy
 * retries, it is asked, by its own option for one request, to make none.
 */
export function keepAxiosRetryOut(
  config: InternalAxiosRequestConfig,
  { retries }: Traits,
  warnings: Warnings,
): void {
  const state = (config as Partial<Record<typeof STATE, object>>)[STATE];
  if (state === undefined || !retries) return;
  Object.assign(config, { [STATE]: { ...state, retries: 0 } });
  warnings.once(
    "BREAKWATER_AXIOS_RETRY",
    "axios-retry is on the same axios instance as Breakwater. Breakwater retries within its budget, so axios-retry is " +
      "asked to make no retries. Remove axios-retry, or give install() a breaker without a budget and without retries.",
  );
}
