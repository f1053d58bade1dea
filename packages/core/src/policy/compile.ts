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
import { Estimates } from "../engine/shadow/estimates.js";
import { shadow } from "../engine/shadow/shadow.js";
import { Work } from "../engine/work.js";
import type { Cohort } from "../events/catalog.js";
import type { Events } from "../events/events.js";
import type { Guard } from "../guards/guard.js";
import { LONGEST_KEY } from "../keys/keyed.js";
import type { Bulkhead } from "../parts/bulkhead.js";
import type { CircuitBreaker } from "../parts/circuit-breaker.js";
import { classify } from "../parts/classify.js";
import type { RateLimit } from "../parts/rate-limit.js";
import type { RetryBudget } from "../parts/retry-budget.js";
import { PROPAGATES_BY_DEFAULT, SHORTEST_ATTEMPT_MS } from "../parts/time-limits.js";
import { laneOf } from "../time/lane.js";
import type { Parts } from "./assemble.js";
import { instanceName, isTaken } from "./cohorts/assignment.js";
import { Measures, measured } from "./cohorts/measured.js";
import { splitByKey } from "./cohorts/split.js";
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

/** All calls of a policy, or those that its canary takes, or those that it does not: what the engine runs for them. */
export interface CompiledCohort {
  readonly cohort: Cohort | undefined;
  readonly mode: Mode;
  readonly parts: Parts;
  /** Chosen here, once, and never per call. */
  readonly driver: Driver;
  /** Takes its place when the policy is drained. */
  readonly refusing: Driver;
  readonly scopes: Scopes;
  /** Of calls that are to be compared. */
  readonly measures: Measures | undefined;
}

/** A policy's parts, made into what the engine runs. */
export interface Compiled extends Pick<CompiledCohort, "driver" | "refusing" | "scopes"> {
  readonly cohortOf: (key: string | undefined) => CompiledCohort;
  /** One, or the canary and its control. */
  readonly cohorts: readonly [CompiledCohort, ...CompiledCohort[]];
}

export function compile(
  policy: string,
  parts: Parts,
  options: ParsedPolicyOptions,
  events: Events,
): Compiled {
  for (const part of statefulOf(parts)) part.usedBy(policy);
  const mode = modeOf(policy, options);
  const { canary } = options;
  if (canary === undefined || mode !== "enforce")
    return onlyOne(compileCohort(policy, parts, options, events, mode, undefined));
  const { ratio, by, salt = policy } = canary;
  const isCanary = (name: string): boolean => isTaken(salt, name, ratio);
  const all = isCanary(instanceName());
  const make = (protect: boolean, asked: ParsedPolicyOptions): CompiledCohort =>
    protect
      ? compileCohort(policy, parts, asked, events, "enforce", "canary")
      : compileCohort(policy, parts, asked, events, "shadow", "control");
  if (by === "process") return onlyOne(make(all, options));
  const { key, ...keyless } = options;
  const [taken, others] = [
    make(true, { key: undefined, ...keyless }),
    make(false, { key: undefined, ...keyless }),
  ];
  const of = (name: string | undefined): CompiledCohort =>
    (name === undefined ? all : isCanary(name)) ? taken : others;
  return {
    driver: splitByKey(key, of),
    refusing: taken.refusing,
    scopes: taken.scopes,
    cohortOf: of,
    cohorts: [taken, others],
  };
}

function onlyOne(cohort: CompiledCohort): Compiled {
  const { driver, refusing, scopes } = cohort;
  return { driver, refusing, scopes, cohortOf: () => cohort, cohorts: [cohort] };
}

function compileCohort(
  policy: string,
  given: Parts,
  options: ParsedPolicyOptions,
  policyEvents: Events,
  mode: Mode,
  cohort: Cohort | undefined,
): CompiledCohort {
  const inShadow = mode === "shadow";
  const parts = inShadow ? booksOf(given, cohort) : given;
  const events =
    inShadow || cohort !== undefined
      ? policyEvents.of(cohort, inShadow ? "shadow" : undefined)
      : policyEvents;
  const plan = planOf(policy, parts, options, events, inShadow);
  const scopes = new PolicyScopes(plan, parts);
  const measures = cohort === undefined ? undefined : new Measures();
  const chosen = driverOf(parts, options, mode, scopes);
  const driver = measures === undefined ? chosen : measured(chosen, measures);
  const { fallback } = parts;
  const answered = (by: Driver): Driver =>
    fallback === undefined || mode !== "enforce" ? by : withFallback(by, fallback.rules);
  return {
    cohort,
    mode,
    parts,
    driver: answered(driver),
    refusing: answered(refuseDrained),
    scopes,
    measures,
  };
}

/**
 * What keeps books in shadow has a state of its own: what it would have refused must not be refused to anybody else.
 * But a canary and its control share what is there once, and really used by both: room, and rate.
 */
function booksOf(parts: Parts, cohort: Cohort | undefined): Parts {
  const { breaker, budget, rateLimit, bulkhead } = parts;
  return {
    ...parts,
    ...(breaker === undefined ? {} : { breaker: breaker.twin() }),
    ...(budget === undefined ? {} : { budget: budget.twin() }),
    ...(rateLimit === undefined || cohort !== undefined ? {} : { rateLimit: rateLimit.twin() }),
    ...(bulkhead === undefined || cohort !== undefined ? {} : { bulkhead: bulkhead.twin() }),
  };
}

function driverOf(parts: Parts, options: ParsedPolicyOptions, mode: Mode, scopes: Scopes): Driver {
  if (mode === "off") return offDriver(scopes.common);
  const once = canOnlyRunOnce(parts, options);
  if (mode === "shadow") return once ? direct : shadow;
  return forcedDriver ?? (once ? direct : drive);
}

function planOf(
  policy: string,
  parts: Parts,
  options: ParsedPolicyOptions,
  events: Events,
  inShadow: boolean,
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
    counters: new Counters(),
    work: new Work(),
    estimates: inShadow ? new Estimates() : undefined,
    events,
    deadLetters: parts.deadLetter?.outbox,
  });
}

/**
 * Nothing in it can wait, repeat or cut short; a budget alone is fed by its calls, and so is not nothing. A dead letter
 * needs the arguments of its call, which `direct` keeps nowhere.
 */
function canOnlyRunOnce(
  { timeout, deadline, retry, budget, deadLetter }: Parts,
  { context }: ParsedPolicyOptions,
): boolean {
  const once = (retry?.rules.maxAttempts ?? 1) === 1;
  return (
    once &&
    timeout === undefined &&
    deadline === undefined &&
    budget === undefined &&
    deadLetter === undefined &&
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
  readonly #parts: Parts;
  #ofInstances: WeakMap<object, PolicyScopes> | undefined;
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
    return scopes;
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
