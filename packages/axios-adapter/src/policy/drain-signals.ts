import { setMaxListeners } from "node:events";

/** Some adapters never take their listeners off again; so many of them live as long as one signal. */
const MOST_REQUESTS = 32;

/** A signal that some requests share: nothing but a drain of their policy aborts it. */
export class SharedSignal {
  readonly #controller = new AbortController();
  /** Requests that got it, and those of them that are still on their way. */
  lent = 0;
  inUse = 0;

  constructor() {
    setMaxListeners(0, this.signal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }
}

/** Signals for the requests of a policy that only its drain cuts short: one of its own would cost each half a microsecond. */
export class DrainSignals {
  readonly #all = new Set<SharedSignal>();
  #current: SharedSignal | undefined = undefined;

  /** Until it is given back. */
  lend(): SharedSignal {
    const shared = (this.#current ??= this.#make());
    shared.inUse++;
    if (++shared.lent >= MOST_REQUESTS) this.#current = undefined;
    return shared;
  }

  giveBack(shared: SharedSignal): void {
    shared.inUse--;
    if (shared.inUse === 0 && shared !== this.#current) this.#all.delete(shared);
  }

  /** From the policy: its drain has lost its patience. */
  abort(reason: unknown): void {
    this.#current = undefined;
    for (const shared of this.#all) shared.abort(reason);
    this.#all.clear();
  }

  #make(): SharedSignal {
    const made = new SharedSignal();
    this.#all.add(made);
    return made;
  }
}
