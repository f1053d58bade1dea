import { Classifier } from "../classify/classifier.js";
import { Counters } from "../engine/counters.js";
import { direct } from "../engine/direct.js";
import { refuseDrained } from "../engine/drain.js";
import { drive } from "../engine/drive.js";
import { withFallback } from "../engine/fallback.js";
import type { Driver } from "../engine/driver.js";
import type { Plan, RetryRules } from "../engine/plan.js";
import { offDriver } from "../engine/off.js";
import { Scope, type Scopes } from "../engine/scope.js";
import { Work } from "../engine/work.js";
import type { Events } from "../events/events.js";
import type { Guard } from "../guards/guard.js";
import { LONGEST_KEY } from "../keys/keyed.js";
import type { Bulkhead } from "../parts/bulkhead.js";
import type { CircuitBreaker } from "../parts/circuit-breaker.js";
import { classify } from "../parts/classify.js";
import { Living } from "../parts/living.js";
import type { RateLimit } from "../parts/rate-limit.js";
import type { RetryBudget } from "../parts/retry-budget.js";
import { PROPAGATES_BY_DEFAULT, SHORTEST_ATTEMPT_MS } from "../parts/time-limits.js";
import { laneOf } from "../time/lane.js";
import type { Parts } from "./assemble.js";
import { partsOfInstance } from "./instances.js";
import { type Mode, modeOf } from "./mode.js";
import type { ParsedPolicyOptions } from "./policy-options.js";

const ONE_ATTEMPT: RetryRules = {
  maxAttempts: 1,
  baseMs: 0,
  maxMs: 0,
  jitter: "none",
  maxRetryAfterMs: 0,
  nested: false,
};

/** The driver of a plan, unless a test forces the other one. */
let forcedDriver: Driver | undefined;

/** For tests of both drivers: plans compiled from now on run on this one. */
export function forceDriver(driver: Driver | undefined): void {
  forcedDriver = driver;
}

/** A policy's parts, made into what the engine runs. */
export interface Compiled {
  readonly mode: Mode;
  /** Chosen here, once, and never per call. */
  readonly driver: Driver;
  /** Takes its place when the policy is drained. */
  readonly refusing: Driver;
  readonly scopes: Scopes;
  /** Lets the fallback answer what a driver refuses in its place. */
  readonly answered: (driver: Driver) => Driver;
  /** The parts with their state: the policy's own, and those of each object that has its own. */
  readonly everyParts: () => readonly Parts[];
}

export function compile(
  policy: string,
  parts: Parts,
  options: ParsedPolicyOptions,
  events: Events,
  before?: Plan,
): Compiled {
  for (const part of statefulOf(parts)) part.usedBy(policy);
  const plan = planOf(policy, parts, options, events, before);
  const scopes = new PolicyScopes(plan, parts);
  const mode = modeOf(policy, options);
  const { fallback } = parts;
  const answered = (by: Driver): Driver =>
    mode === "off" || fallback === undefined ? by : withFallback(by, fallback.rules);
  const driver = forcedDriver ?? (canOnlyRunOnce(parts, options) ? direct : drive);
  return {
    mode,
    driver: mode === "off" ? offDriver(scopes.common) : answered(driver),
    refusing: answered(refuseDrained),
    scopes,
    answered,
    everyParts: () => scopes.everyParts(),
  };
}

/** What it has counted, and what is being done under it, goes on from plan to plan. */
function planOf(
  policy: string,
  parts: Parts,
  options: ParsedPolicyOptions,
  events: Events,
  before: Plan | undefined,
): Plan {
  const attemptTimeoutMs = parts.timeout?.rules.attemptTimeoutMs;
  const deadlineMs = parts.deadline?.rules.deadlineMs;
  return Object.freeze<Plan>({
    policy,
    key: options.key,
    perInstance: options.scope === "instance",
    hasOneScope: options.key === undefined && options.scope !== "instance",
    idempotent: options.idempotent as Plan["idempotent"],
    classifier: new Classifier((parts.classify ?? classify({})).rules, events),
    retry: parts.retry?.rules ?? ONE_ATTEMPT,
    attemptTimeoutMs,
    lane: attemptTimeoutMs === undefined ? undefined : laneOf(attemptTimeoutMs),
    deadlineMs,
    deadlineLane: deadlineMs === undefined ? undefined : laneOf(deadlineMs),
    minAttemptMs: parts.deadline?.rules.minAttemptMs ?? SHORTEST_ATTEMPT_MS,
    entrant: { attemptTimeoutMs, mostWaitMs: Infinity },
    context: options.context === true,
    propagates: parts.deadline?.rules.propagate ?? PROPAGATES_BY_DEFAULT,
    stackTraces: options.stackTraces === true,
    counters: before?.counters ?? new Counters(),
    work: before?.work ?? new Work(),
    events,
  });
}

/** Nothing in it can wait, repeat or cut short; a budget alone is fed by its calls, and so is not nothing. */
function canOnlyRunOnce(
  { timeout, deadline, retry, budget }: Parts,
  { context }: ParsedPolicyOptions,
): boolean {
  const once = (retry?.rules.maxAttempts ?? 1) === 1;
  return (
    once &&
    timeout === undefined &&
    deadline === undefined &&
    budget === undefined &&
    context !== true
  );
}

/** The parts with a state that policies may share. */
export function statefulOf({
  breaker,
  rateLimit,
  bulkhead,
  budget,
}: Parts): (CircuitBreaker | RateLimit | Bulkhead | RetryBudget)[] {
  return [breaker, rateLimit, bulkhead, budget].filter((part) => part !== undefined);
}

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
class PolicyScopes implements Scopes {
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
    if (known === undefined || known.isStale) return this.#make(key);
    known.touch();
    return known;
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
