import { Classifier } from "../classify/classifier.js";
import { Counters } from "../engine/counters.js";
import { direct } from "../engine/direct.js";
import { drive } from "../engine/drive.js";
import type { Driver, KeyedParts, Plan, RetryRules } from "../engine/plan.js";
import { Scope } from "../engine/scope.js";
import type { Events } from "../events/events.js";
import type { Guard } from "../guards/guard.js";
import { Keyed, type KeyRules, type Slot } from "../guards/keyed.js";
import { classify } from "../parts/classify.js";
import { laneOf } from "../time/lane.js";
import type { Parts } from "./assemble.js";
import type { ParsedPolicyOptions } from "./policy-options.js";

const ONE_ATTEMPT: RetryRules = { maxAttempts: 1, baseMs: 0, maxMs: 0, jitter: "none", maxRetryAfterMs: 0, nested: false };
const KEYS: KeyRules = { maxKeys: 10_000, idleKeyMs: 600_000 };

/** The driver of a plan, unless a test forces the other one. */
export let forcedDriver: Driver | undefined;

/** For tests of both drivers: plans compiled from now on run on this one. */
export function forceDriver(driver: Driver | undefined): void {
  forcedDriver = driver;
}

/** Turns parts and options into what the engine runs. The driver is chosen here, once, and never per call. */
export function compile(policy: string, parts: Parts, options: ParsedPolicyOptions, events: Events): Plan {
  const { breaker, bulkhead, budget, timeout, deadline, retry } = parts;
  const attemptTimeoutMs = timeout?.rules.attemptTimeoutMs;
  const plan: Omit<Plan, "scope" | "scopeOf"> = {
    policy,
    driver: forcedDriver ?? (canOnlyRunOnce(parts, options) ? direct : drive),
    key: options.key,
    idempotent: options.idempotent as Plan["idempotent"],
    classifier: new Classifier((parts.classify ?? classify({})).rules, events),
    retry: retry?.rules ?? ONE_ATTEMPT,
    attemptTimeoutMs,
    lane: attemptTimeoutMs === undefined ? undefined : laneOf(attemptTimeoutMs),
    deadlineMs: deadline?.rules.deadlineMs,
    minAttemptMs: deadline?.rules.minAttemptMs ?? 0,
    entrant: { attemptTimeoutMs, retained: undefined },
    context: options.context,
    stackTraces: options.stackTraces,
    counters: new Counters(),
    events,
  };
  for (const part of [breaker, bulkhead, budget]) part?.usedBy(policy);
  return withScopes(plan, parts);
}

/** Nothing in it can wait, repeat or cut short; a budget alone is fed by its calls, and so is not nothing. */
function canOnlyRunOnce({ timeout, deadline, retry, budget }: Parts, { context }: ParsedPolicyOptions): boolean {
  const once = (retry?.rules.maxAttempts ?? 1) === 1;
  return once && timeout === undefined && deadline === undefined && budget === undefined && !context;
}

function withScopes(bare: Omit<Plan, "scope" | "scopeOf">, parts: Parts): Plan {
  let scopes: Keyed<KeyedScope> | undefined;
  const plan: Plan = {
    ...bare,
    get scope(): Scope {
      return common;
    },
    scopeOf(key) {
      scopes ??= new Keyed<KeyedScope>((own) => new KeyedScope(plan, parts, own), () => KEYS);
      return scopes.at(key).cell.fresh();
    },
  };
  const common = scopeAt(plan, parts, undefined);
  return Object.defineProperty(plan, "scope", { value: common, enumerable: true });
}

function scopeAt(plan: Plan, { breaker, bulkhead, budget }: Parts, key: string | undefined): Scope {
  const slots = { breaker: breaker?.at(key), bulkhead: bulkhead?.at(key), budget: budget?.at(key) };
  const guards = [slots.breaker?.cell, slots.bulkhead?.cell].filter((guard): guard is Exclude<typeof guard, undefined> => guard !== undefined);
  const keyed: KeyedParts = { guards: guards satisfies readonly Guard[], credit: slots.budget?.cell };
  const held = [slots.breaker, slots.bulkhead, slots.budget].filter((slot) => slot !== undefined);
  return new Scope(plan, key, keyed, held as readonly Slot<unknown>[]);
}

/** The scope of a key, put together anew whenever one of the parts has forgotten the key. */
class KeyedScope {
  readonly #plan: Plan;
  readonly #parts: Parts;
  readonly #key: string | undefined;
  #scope: Scope | undefined;

  constructor(plan: Plan, parts: Parts, key: string | undefined) {
    this.#plan = plan;
    this.#parts = parts;
    this.#key = key;
  }

  fresh(): Scope {
    if (this.#scope === undefined || this.#scope.isStale) this.#scope = scopeAt(this.#plan, this.#parts, this.#key);
    this.#scope.touch();
    return this.#scope;
  }

  /** All state is in the parts. */
  isPristine(): boolean {
    return true;
  }
}
