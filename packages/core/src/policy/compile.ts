import { Classifier } from "../classify/classifier.js";
import { direct } from "../engine/direct.js";
import { refuseDrained } from "../engine/drain.js";
import { drive } from "../engine/drive.js";
import { withFallback } from "../engine/fallback.js";
import type { Driver } from "../engine/driver.js";
import type { Plan, RetryRules } from "../engine/plan.js";
import { offDriver } from "../engine/off.js";
import { shadow } from "../engine/shadow/shadow.js";
import type { Events } from "../events/events.js";
import { classify } from "../parts/classify.js";
import { PROPAGATES_BY_DEFAULT, SHORTEST_ATTEMPT_MS } from "../parts/time-limits.js";
import { type Lane, laneOf } from "../time/lane.js";
import type { Parts } from "./assemble.js";
import type { Account } from "./account.js";
import type { Mode } from "./mode.js";
import type { ParsedPolicyOptions } from "./policy-options.js";
import { PolicyScopes } from "./scopes.js";

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

/** Calls that all run alike: all of a policy, or those of one of its cohorts. */
export interface ToCompile {
  readonly policy: string;
  readonly parts: Parts;
  readonly options: ParsedPolicyOptions;
  readonly events: Events;
  readonly mode: Mode;
  readonly account: Account;
}

/** What the engine runs for them. */
export interface Compiled {
  readonly mode: Mode;
  readonly parts: Parts;
  /** Chosen here, once, and never per call. */
  readonly driver: Driver;
  /** Takes its place when the policy is drained. */
  readonly refusing: Driver;
  readonly scopes: PolicyScopes;
  /** Lets the fallback answer what a driver refuses in its place. */
  readonly answered: (driver: Driver) => Driver;
}

/** `around` goes round the driver, and inside the fallback. */
export function compile(given: ToCompile, around: (driver: Driver) => Driver): Compiled {
  const { parts, options, mode } = given;
  const scopes = new PolicyScopes(planOf(given), parts);
  const { fallback } = parts;
  const answered = (by: Driver): Driver =>
    fallback === undefined || mode !== "enforce" ? by : withFallback(by, fallback.rules);
  return {
    mode,
    parts,
    driver: answered(around(driverOf(parts, options, mode, scopes))),
    refusing: answered(refuseDrained),
    scopes,
    answered,
  };
}

function driverOf(
  parts: Parts,
  options: ParsedPolicyOptions,
  mode: Mode,
  { common }: PolicyScopes,
): Driver {
  if (mode === "off") return offDriver(common);
  const once = canOnlyRunOnce(parts, options);
  if (mode === "shadow") return once ? direct : shadow;
  return forcedDriver ?? (once ? direct : drive);
}

function planOf({ policy, parts, options, events, mode, account }: ToCompile): Plan {
  const attemptTimeoutMs = parts.timeout?.rules.attemptTimeoutMs;
  const deadlineMs = parts.deadline?.rules.deadlineMs;
  // What is only watched keeps no process alive.
  const lane = (ms: number | undefined): Lane | undefined =>
    ms === undefined ? undefined : laneOf(ms, mode === "shadow");
  return Object.freeze<Plan>({
    policy,
    key: options.key,
    perInstance: options.scope === "instance",
    hasOneScope: options.key === undefined && options.scope !== "instance",
    idempotent: options.idempotent as Plan["idempotent"],
    classifier: new Classifier((parts.classify ?? classify({})).rules, events),
    retry: parts.retry?.rules ?? ONE_ATTEMPT,
    attemptTimeoutMs,
    lane: lane(attemptTimeoutMs),
    deadlineMs,
    deadlineLane: lane(deadlineMs),
    minAttemptMs: parts.deadline?.rules.minAttemptMs ?? SHORTEST_ATTEMPT_MS,
    entrant: { attemptTimeoutMs, mostWaitMs: Infinity },
    context: options.context === true,
    propagates: parts.deadline?.rules.propagate ?? PROPAGATES_BY_DEFAULT,
    stackTraces: options.stackTraces === true,
    counters: account.counters,
    work: account.work,
    estimates: mode === "shadow" ? account.estimates : undefined,
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
