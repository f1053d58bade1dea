import type { ParsedCallOptions } from "../call/call-options.js";
import type { Credit } from "../budget/credit.js";
import { ignoreRejection } from "../errors/hooks.js";
import { summarize } from "../errors/summary.js";
import type { Guard } from "../guards/guard.js";
import { clock } from "../time/clock.js";
import type { Slot } from "../keys/keyed.js";
import { Admission } from "./admission.js";
import type { Place, Plan } from "./plan.js";
import type { Readiness } from "./readiness.js";

/** The scopes of a policy: one for calls without a key, and one for each key. */
export interface Scopes {
  readonly plan: Plan;
  readonly common: Scope;
  at(key: string): Scope;
  /** Those of one object, where each has its own. */
  of(self: object): Scopes;
  /** The scope of this very call, where somebody had to know it before: the key function is asked once. */
  readonly found: Scope | undefined;
}

/** Where a call runs. Resolved once per call, by the engine; guards look nothing up. */
export class Scope implements Place {
  readonly plan: Plan;
  readonly key: string | undefined;
  readonly guards: readonly Guard[];
  readonly credit: Credit | undefined;
  /** What the last call held. While nothing changes it is what the next one holds, too. */
  usual: Admission = new Admission([]);
  /** There once somebody has waited for it. */
  readiness: Readiness | undefined = undefined;
  readonly #slots: readonly Slot<unknown>[];

  constructor({ plan, key, guards, credit }: Place, slots: readonly Slot<unknown>[]) {
    this.plan = plan;
    this.key = key;
    this.guards = guards;
    this.credit = credit;
    this.#slots = slots;
  }

  /** Keeps its state from being dropped. False where a part has dropped this key before: it must be put together anew. */
  touch(): boolean {
    const nowMs = clock.now();
    const slots = this.#slots;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot<unknown>;
      if (slot.dropped) return false;
      slot.askedMs = nowMs;
    }
    return true;
  }
}

/** The scopes of a call whose own has been found already. */
export class Found implements Scopes {
  readonly plan: Plan;
  readonly found: Scope;

  constructor(scope: Scope) {
    this.plan = scope.plan;
    this.found = scope;
  }

  get common(): Scope {
    return this.found;
  }

  at(): Scope {
    return this.found;
  }

  of(): this {
    return this;
  }
}

/** Keys come from the call, else from the policy's key function; without either, all calls share one scope. */
export function scopeFor(
  scopes: Scopes,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): Scope {
  const { plan } = scopes;
  if (options === undefined && plan.hasOneScope) return scopes.common;
  if (scopes.found !== undefined) return scopes.found;
  const own = plan.perInstance && isObject(self) ? scopes.of(self) : scopes;
  const key = keyFor(plan, self, args, options);
  return key === undefined ? own.common : own.at(key);
}

/** The key of a call: its own, else what the key function says. */
export function keyFor(
  asked: Pick<Plan, "key" | "events">,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): string | undefined {
  return options?.key ?? askForKey(asked, self, args ?? []);
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** A key function cannot break a call: one that fails puts it where calls without a key run. */
function askForKey(
  plan: Pick<Plan, "key" | "events">,
  self: unknown,
  args: readonly unknown[],
): string | undefined {
  let key: unknown;
  try {
    key = plan.key?.(self, ...args);
    if (typeof key === "string") return key;
    if (plan.key === undefined) return undefined;
    if (typeof key === "number" || typeof key === "bigint") return String(key);
    throw new TypeError(`the key function returned ${typeof key}; a key is a string`);
  } catch (error) {
    ignoreRejection(key);
    plan.events.emit("hook.failed", { hook: "key", error: summarize(error) });
    return undefined;
  }
}
