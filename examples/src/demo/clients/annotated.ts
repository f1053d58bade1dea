import { Resilient } from "@breakwater/core";
import { CLIENT } from "../scenario.js";
import { breaker, budget } from "./parts.js";

/** The service class, as one would write it anyway. */
export class Rates {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  @Resilient(breaker, budget)
  async latest(base: string): Promise<number> {
    const signal = AbortSignal.timeout(CLIENT.timeoutMs);
    const response = await fetch(`${this.#url}/latest/${base}`, { signal });
    const { ok, status } = response;
    if (!ok) throw Object.assign(new Error(`HTTP ${status}`), { status });
    const { rate } = (await response.json()) as { readonly rate: number };
    return rate;
  }
}
