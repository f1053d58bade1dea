import type { Policy } from "@breakwater/core";

const MOST_KEYS = 10_000;

/** Which policy the last request with a key ran under. Keys that have not been seen for long make room. */
export class Picks {
  readonly #byKey = new Map<string, Policy>();

  note(key: string | undefined, policy: Policy): void {
    if (key === undefined) return;
    this.#byKey.delete(key);
    this.#byKey.set(key, policy);
    if (this.#byKey.size <= MOST_KEYS) return;
    const [oldest] = this.#byKey.keys();
    this.#byKey.delete(oldest as string);
  }

  of(key: string): Policy | undefined {
    return this.#byKey.get(key);
  }
}
