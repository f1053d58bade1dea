import { type Source, tell } from "../events/audience.js";
import type { EventDetails, EventType } from "../events/catalog.js";
import type { Events } from "../events/events.js";
import { hub } from "../events/hub.js";
import { Living } from "./living.js";

/**
 * What happens to a part, for the policies that use it: each tells it to its own listeners, under its own name. The hub
 * hears it once, with the names of all of them.
 */
export class FactSource {
  readonly #users = new Living<Events>();
  readonly #kept = new Set<Events>();

  get heard(): boolean {
    return this.#kept.size > 0 || hub.wanted;
  }

  /** Nobody is kept alive by it. */
  usedBy(user: Events): void {
    this.#users.add(user);
  }

  /** But for a policy that is listened to: it may be there only to watch what others do with this part. */
  keepIfListenedTo(user: Events): void {
    if (user.listenedTo) this.#kept.add(user);
    else this.#kept.delete(user);
  }

  tell<T extends EventType>(type: T, details: EventDetails[T]): void {
    if (!this.heard) return;
    const users = [...this.#users];
    for (const user of users) user.emitShared(type, details);
    tell(hub, sourceOf(users), type, details);
  }
}

/** The first names the event, as it names the part; where there are more, all are named beside it. */
function sourceOf(users: readonly Events[]): Source {
  const policies = [...new Set(users.map(({ policy }) => policy))];
  const [policy = ""] = policies;
  const [first] = users;
  const of = { policy, cohort: first?.cohort, mode: first?.mode };
  return policies.length > 1 ? { ...of, policies } : of;
}
