import type { EventDetails, EventType } from "../events/catalog.js";

/** Hears what happens to a part: a policy that is being watched. */
export type Facts = <T extends EventType>(type: T, details: EventDetails[T]) => void;

/**
 * What happens to a part, for the policies that use it and are being watched. Nobody is kept alive by it: a policy
 * attends only while it has listeners itself.
 */
export class FactSource {
  #attending: Set<Facts> | undefined;

  get heard(): boolean {
    return this.#attending !== undefined && this.#attending.size > 0;
  }

  attend(facts: Facts): () => void {
    this.#attending = (this.#attending ?? new Set()).add(facts);
    return () => void this.#attending?.delete(facts);
  }

  tell<T extends EventType>(type: T, details: EventDetails[T]): void {
    for (const facts of this.#attending ?? []) facts(type, details);
  }
}
