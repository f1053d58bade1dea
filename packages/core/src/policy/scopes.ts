import type { Plan } from "../engine/plan.js";
import { Scope, type Scopes } from "../engine/scope.js";
import type { Guard } from "../guards/guard.js";
import { LONGEST_KEY } from "../keys/keyed.js";
import { Living } from "../parts/living.js";
import type { Parts } from "./assemble.js";
import { partsOfInstance } from "./instances.js";

/** In the order in which they are asked. */
function scopeAt(
  plan: Plan,
  { breaker, rateLimit, bulkhead, budget }: Parts,
  key: string | undefined,
): Scope {
  const slots = {
    breaker: breaker?.at(key),
    rateLimit: rateLimit?.at(key),
    bulkhead: bulkhead?.at(key),
    budget: budget?.at(key),
  };
  const guards: readonly Guard[] = [slots.breaker, slots.rateLimit, slots.bulkhead]
    .filter((slot) => slot !== undefined)
    .map(({ cell }) => cell);
  const held = Object.values(slots).filter((slot) => slot !== undefined);
  return new Scope({ plan, key, guards, credit: slots.budget?.cell }, held);
}

const MOST_SCOPES = 10_000;

/** The scope of a key is put together when the key is first seen, and again when a part has forgotten the key. */
export class PolicyScopes implements Scopes {
  readonly plan: Plan;
  readonly common: Scope;
  readonly found = undefined;
  readonly #parts: Parts;
  #ofInstances: WeakMap<object, PolicyScopes> | undefined;
  /** The same, for who looks at all of them. */
  #living: Living<PolicyScopes> | undefined;
  #byKey: Map<string, Scope> | undefined;

  constructor(plan: Plan, parts: Parts) {
    this.plan = plan;
    this.common = scopeAt(plan, parts, undefined);
    this.#parts = parts;
  }

  at(key: string): Scope {
    const known = this.#byKey?.get(key);
    return known?.touch() === true ? known : this.#make(key);
  }

  of(self: object): PolicyScopes {
    const all = (this.#ofInstances ??= new WeakMap<object, PolicyScopes>());
    const known = all.get(self);
    if (known !== undefined) return known;
    const scopes = new PolicyScopes(this.plan, partsOfInstance(this.#parts, self));
    all.set(self, scopes);
    (this.#living ??= new Living()).add(scopes);
    return scopes;
  }

  /** The parts with their state: the policy's own, and those of each object that has its own. */
  everyParts(): readonly Parts[] {
    return [this.#parts, ...[...(this.#living ?? [])].flatMap((scopes) => scopes.everyParts())];
  }

  #make(key: string): Scope {
    const scopes = (this.#byKey ??= new Map<string, Scope>());
    // All state is in the parts: what is dropped here is put together anew at no loss.
    if (scopes.size >= MOST_SCOPES) scopes.clear();
    const scope = scopeAt(this.plan, this.#parts, key);
    if (key.length <= LONGEST_KEY) scopes.set(key, scope);
    return scope;
  }
}
