import type { Events } from "../events/events.js";
import type { PartUser, StatefulPart } from "../parts/part.js";
import type { Parts } from "./assemble.js";
import { type CompiledCohort, isForBoth } from "./cohorts/cohorts.js";
import { statefulOf } from "./stateful.js";

/** The stateful parts of a policy from one plan to the next: they know who uses them, and whom to tell what happens. */
export class PartsInUse {
  readonly #user: PartUser;
  readonly #parts: readonly StatefulPart[];
  readonly #guards: ReadonlyMap<StatefulPart, Events>;

  constructor(user: PartUser, events: Events, parts: Parts, cohorts: readonly CompiledCohort[]) {
    this.#user = user;
    this.#parts = statefulOf(parts);
    this.#guards = guardsOf(cohorts, events);
    for (const part of this.#parts) part.join(user);
    for (const [{ facts }, told] of this.#guards) facts.usedBy(told);
    this.keepIfListenedTo();
  }

  leave(): void {
    for (const part of this.#parts) part.leave(this.#user);
    for (const [{ facts }, told] of this.#guards) facts.noLongerUsedBy(told);
  }

  keepIfListenedTo(): void {
    for (const [{ facts }, told] of this.#guards) facts.keepIfListenedTo(told);
  }
}

/** What happens to a part that cohorts share happens to the whole policy, once. */
function guardsOf(cohorts: readonly CompiledCohort[], events: Events): Map<StatefulPart, Events> {
  const guards = new Map<StatefulPart, Events>();
  for (const { cohort, parts, scopes } of cohorts)
    for (const part of statefulOf(parts))
      guards.set(part, cohort !== undefined && isForBoth(part) ? events : scopes.plan.events);
  return guards;
}
