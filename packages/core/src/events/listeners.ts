import type { EventOf, EventType, ResilienceEvent } from "./catalog.js";
import type { Audience, Heard } from "./audience.js";
import { deliverSoon } from "./delivery.js";

export type Listener<E = ResilienceEvent> = (event: E) => unknown;

/** What can be listened to: a policy, or the registry with all of them. */
export interface Watchable {
  /**
   * Listens to what happens. `'*'` hears transitions, denials and faults, and refusals folded to one a second; events
   * of every single call go only to who names them. Listeners cannot change a call: what they throw becomes an event.
   *
   * @returns the function that ends it.
   * @throws BreakwaterError `ERR_INVALID_SPEC` for a type of event that there is not.
   * @example
   * const off = rates.on("circuit.opened", ({ reason, openMs }) => log.error({ reason, openMs }));
   */
  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => unknown): () => void;
  on(type: "*", listener: (event: ResilienceEvent) => unknown): () => void;
}

/** How many listen, in the whole process: while nobody does, this is all that a call asks. */
export const ears = { count: 0 };

/** Who listens, by what they listen to. */
export class Listeners implements Audience {
  any = false;
  readonly #failed: (event: ResilienceEvent, error: unknown) => void;
  #byType: Map<Heard, Set<Registration>> | undefined;

  constructor(failed: (event: ResilienceEvent, error: unknown) => void) {
    this.#failed = failed;
  }

  on(type: Heard, listener: Listener<never>): () => void {
    const all = (this.#byType ??= new Map<Heard, Set<Registration>>());
    const listeners = all.get(type) ?? new Set();
    const registration = { listener: listener as Listener };
    all.set(type, listeners.add(registration));
    this.any = true;
    ears.count++;
    return () => {
      if (listeners.delete(registration)) ears.count--;
      this.any = [...all.values()].some(({ size }) => size > 0);
    };
  }

  hears(type: Heard): boolean {
    return (this.#byType?.get(type)?.size ?? 0) > 0;
  }

  hear(type: Heard, event: ResilienceEvent): void {
    for (const { listener } of this.#byType?.get(type) ?? [])
      deliverSoon(listener, event, (error) => this.#failed(event, error));
  }
}

/** One `on`: the same function may listen twice, and each ending ends its own. */
interface Registration {
  readonly listener: Listener;
}
