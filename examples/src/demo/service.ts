import {
  circuitBreaker,
  currentCall,
  Resilient,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";

// Short times, so that one can watch. The defaults open for 15 s and keep a reserve of 10.
export const breaker = circuitBreaker({ openMs: "1s", maxOpenMs: "2s", probes: 2 });
export const budget = retryBudget({ ratio: 0.2, reserve: 3 });
export const policy = resilient(breaker, budget, retry({ baseMs: "100ms" }), timeout("300ms"), {
  name: "Rates.latest",
  idempotent: true,
});

/** A client as one would write it anyway, but for one line. */
export class Rates {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  @Resilient(policy)
  async latest(base: string): Promise<number> {
    const { signal } = currentCall();
    const response = await fetch(`${this.#url}/latest/${base}`, { signal }).catch(rethrowReason);
    const { rate, status } = (await response.json()) as { rate: number; status: number };
    if (!response.ok) throw Object.assign(new Error(`HTTP ${status}`), { status });
    return rate;
  }
}

/** fetch says "fetch failed"; what happened is in the cause. */
function rethrowReason(error: unknown): never {
  throw error instanceof TypeError ? (error.cause ?? error) : error;
}
