/** A service class with `experimentalDecorators`; standard/ has the same one for standard decorators. */
import { circuitBreaker, currentCall, Resilient, retryBudget, timeout } from "@breakwater/core";

const breaker = circuitBreaker({ consecutiveFailures: 5, openMs: "15s" });
const budget = retryBudget({ ratio: 0.2 });

export class Orders {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  @Resilient(breaker, budget, timeout("2s"), { idempotent: true })
  async find(id: string): Promise<string> {
    const { signal } = currentCall();
    return this.#send(`/orders/${id}`, { signal });
  }

  /** A write: repeated only where it certainly was not processed. */
  @Resilient(breaker, budget, timeout("5s"), { idempotent: false })
  async place(id: string): Promise<string> {
    const { signal } = currentCall();
    return this.#send(`/orders/${id}`, { signal, method: "PUT" });
  }

  async #send(path: string, init: RequestInit): Promise<string> {
    const response = await fetch(this.#url + path, init);
    if (!response.ok) throw Object.assign(new Error(path), { status: response.status });
    return response.text();
  }
}
