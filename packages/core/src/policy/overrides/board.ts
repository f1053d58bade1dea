import type { Issue } from "../../errors/errors.js";
import type { EventDetails } from "../../events/catalog.js";
import type { Events } from "../../events/events.js";
import { Living } from "../../parts/living.js";
import { clock } from "../../time/clock.js";
import type { PolicyPatch } from "../settings/spec.js";
import { Override } from "./override.js";
import { type OverrideEventType, report } from "./audit.js";

/** A policy, as far as overrides are laid over it. */
export interface Overridable {
  readonly policy: string;
  readonly events: Events;
  /** What stands over it from now on, in order of precedence. */
  stand(standing: readonly Override[]): void;
  /** That one stands no longer; the others still do. */
  ended(override: Override): void;
  /** What is wrong with a patch of its options, over what stands already. */
  problemsOf(patch: PolicyPatch): readonly Issue[];
  /** Circuits closed and empty, budgets full. */
  reset(key: string | undefined): void;
}

type Ending = Pick<EventDetails["override.ended"], "ended" | "endedBy" | "endedWhy">;

/** All overrides of the process, and the policies that they are over: those that there are, and those to come. */
class Board {
  #standing: readonly Override[] = [];
  readonly #policies = new Living<Overridable>();
  #number = 0;

  nextNumber(): number {
    return ++this.#number;
  }

  /** What stands now, in order of precedence. */
  get standing(): readonly Override[] {
    this.settle();
    return this.#standing;
  }

  join(policy: Overridable): void {
    this.#policies.add(policy);
    const standing = this.#over(policy);
    if (standing.length > 0) policy.stand(standing);
  }

  set(override: Override): void {
    this.#standing = [...this.#standing, override].toSorted(Override.byPrecedence);
    for (const policy of this.policiesUnder(override)) policy.stand(this.#over(policy));
    this.tell("override.set", override.details);
  }

  end(override: Override, ending: Ending): void {
    if (!this.#standing.includes(override)) return;
    this.#standing = this.#standing.filter((other) => other !== override);
    for (const policy of this.policiesUnder(override)) {
      policy.stand(this.#over(policy));
      policy.ended(override);
    }
    this.tell("override.ended", { ...override.details, ...ending });
  }

  /** Takes off what has ended by now, in the order of the ends. There is no timer: whoever looks does this first. */
  settle(): void {
    const nowMs = clock.now();
    const over = this.#standing.filter(({ endsMs }) => endsMs <= nowMs);
    for (const override of over.toSorted(Override.byEnd)) this.end(override, { ended: "expired" });
  }

  *policiesUnder(override: { isOver(policy: string): boolean }): Iterable<Overridable> {
    for (const policy of this.#policies) if (override.isOver(policy.policy)) yield policy;
  }

  tell<T extends OverrideEventType>(type: T, details: EventDetails[T]): void {
    const { target } = details;
    const isOver = (policy: string): boolean => target === "*" || target === policy;
    for (const { events } of this.policiesUnder({ isOver })) events.emitShared(type, details);
    report(target, type, details);
  }

  #over({ policy }: Overridable): readonly Override[] {
    return this.#standing.filter((override) => override.isOver(policy));
  }
}

export const board: Board = new Board();
