import type { Call, CallOptions, Frame } from "../call/call.js";
import { uuid } from "../time/random.js";

/** A call of a plan that never retries and has no time limit, as its task sees it. */
export class FirstCall implements Call, Frame {
  readonly policy: string;
  readonly key: string | undefined;
  #signal: AbortSignal | undefined;
  #idempotencyKey: string | undefined;

  constructor(policy: string, key: string | undefined, signal: AbortSignal | undefined) {
    this.policy = policy;
    this.key = key;
    this.#signal = signal;
  }

  get attempt(): number {
    return 1;
  }

  get remainingMs(): undefined {
    return undefined;
  }

  /** The caller's, else one that never aborts; a fresh one, as a shared one would collect listeners. */
  get signal(): AbortSignal {
    return (this.#signal ??= new AbortController().signal);
  }

  get idempotencyKey(): string {
    return (this.#idempotencyKey ??= uuid());
  }

  get callOptions(): CallOptions | undefined {
    return undefined;
  }

  toCall(): Call & Frame {
    return this;
  }
}
