import { Classifier } from "../classify/classifier.js";
import { Counters } from "../engine/counters.js";
import { direct } from "../engine/direct.js";
import { drive } from "../engine/drive.js";
import type { Driver } from "../engine/driver.js";
import type { Plan, RetryRules } from "../engine/plan.js";
import { type KeyedParts, Scope, type Scopes } from "../engine/scope.js";
import type { Events } from "../events/events.js";
import type { Guard } from "../guards/guard.js";
import { Keyed, type KeyRules } from "../keys/keyed.js";
import { classify } from "../parts/classify.js";
import { laneOf } from "../time/lane.js";
import type { Parts } from "./assemble.js";
import type { ParsedPolicyOptions } from "./policy-options.js";

const ONE_ATTEMPT: RetryRules = {
  maxAttempts: 1,
  baseMs: 0,
  maxMs: 0,
  jitter: "none",
  maxRetryAfterMs: 0,
  nested: false,
};
const KEYS: KeyRules = { maxKeys: 10_000, idleKeyMs: 600_000 };

/** The driver of a plan, unless a test forces the other one. */
let forcedDriver: Driver | undefined;

/** For tests of both drivers: plans compiled from now on run on this one. */
export function forceDriver(driver: Driver | undefined): void {
  forcedDriver = driver;
}

/** A policy's parts, made into what the engine runs. */
export interface Compiled {
  /** Chosen here, once, and never per call. */
  readonly driver: Driver;
  readonly scopes: Scopes;
}

export function compile(
  policy: string,
  parts: Parts,
  options: ParsedPolicyOptions,
  events: Events,
): Compiled {
  for (const part of [parts.breaker, parts.bulkhead, parts.budget]) part?.usedBy(policy);
  const plan = planOf(policy, parts, options, events);
  const driver = forcedDriver ?? (canOnlyRunOnce(parts, options) ? direct : drive);
  return { driver, scopes: new PolicyScopes(plan, parts) };
}

function planOf(policy: string, parts: Parts, options: ParsedPolicyOptions, events: Events): Plan {
  const attemptTimeoutMs = parts.timeout?.rules.attemptTimeoutMs;
  return {
    policy,
    key: options.key,
    idempotent: options.idempotent as Plan["idempotent"],
    classifier: new Classifier((parts.classify ?? classify({})).rules, events),
    retry: parts.retry?.rules ?? ONE_ATTEMPT,
    attemptTimeoutMs,
    lane: attemptTimeoutMs === undefined ? undefined : laneOf(attemptTimeoutMs),
    deadlineMs: parts.deadline?.rules.deadlineMs,
    minAttemptMs: parts.deadline?.rules.minAttemptMs ?? 0,
    entrant: { attemptTimeoutMs, retained: undefined },
    context: options.context,
    stackTraces: options.stackTraces,
    counters: new Counters(),
    events,
  };
}

/** Nothing in it can wait, repeat or cut short; a budget alone is fed by its calls, and so is not nothing. */
function canOnlyRunOnce(
  { timeout, deadline, retry, budget }: Parts,
  { context }: ParsedPolicyOptions,
): boolean {
  const once = (retry?.rules.maxAttempts ?? 1) === 1;
  return (
    once && timeout === undefined && deadline === undefined && budget === undefined && !context
  );
}

function scopeAt(plan: Plan, { breaker, bulkhead, budget }: Parts, key: string | undefined): Scope {
  const slots = { breaker: breaker?.at(key), bulkhead: bulkhead?.at(key), budget: budget?.at(key) };
  const guards = [slots.breaker?.cell, slots.bulkhead?.cell].filter(
    (guard): guard is Exclude<typeof guard, undefined> => guard !== undefined,
  );
  const keyed: KeyedParts = {
    guards: guards satisfies readonly Guard[],
    credit: slots.budget?.cell,
  };
  const held = [slots.breaker, slots.bulkhead, slots.budget].filter((slot) => slot !== undefined);
  return new Scope(plan, key, keyed, held);
}

/** The scope of a key is made when the key is first seen. */
class PolicyScopes implements Scopes {
  readonly plan: Plan;
  readonly common: Scope;
  readonly #parts: Parts;
  #keyed: Keyed<KeyedScope> | undefined;

  constructor(plan: Plan, parts: Parts) {
    this.plan = plan;
    this.common = scopeAt(plan, parts, undefined);
    this.#parts = parts;
  }

  at(key: string): Scope {
    const { plan } = this;
    this.#keyed ??= new Keyed(
      (own) => new KeyedScope(plan, this.#parts, own),
      () => KEYS,
    );
    return this.#keyed.at(key).cell.fresh();
  }
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
    if (this.#scope === undefined || this.#scope.isStale)
      this.#scope = scopeAt(this.#plan, this.#parts, this.#key);
    this.#scope.touch();
    return this.#scope;
  }

  /** All state is in the parts. */
  isPristine(): boolean {
    return true;
  }
}
