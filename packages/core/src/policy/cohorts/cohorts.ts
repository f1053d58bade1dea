import type { Driver } from "../../engine/driver.js";
import { type Scopes } from "../../engine/scope.js";
import type { Cohort } from "../../events/catalog.js";
import type { Events } from "../../events/events.js";
import type { StatefulPart } from "../../parts/part.js";
import type { Account, Accounts } from "../account.js";
import type { Parts } from "../assemble.js";
import { type Compiled, compile } from "../compile.js";
import { type Mode, modeOf } from "../mode.js";
import type { ParsedPolicyOptions } from "../policy-options.js";
import { statefulOf } from "../stateful.js";
import { instanceName, isTaken } from "./assignment.js";
import { measured } from "./measured.js";
import { splitByKey } from "./split.js";

/** All calls of a policy, or those that its canary takes, or those that it does not. */
export interface CompiledCohort extends Compiled {
  readonly cohort: Cohort | undefined;
  readonly account: Account;
}

/** A policy's parts, made into what the engine runs: for all calls alike, or for a canary and its control. */
export interface Cohorts {
  readonly all: readonly [CompiledCohort, ...CompiledCohort[]];
  readonly of: (key: string | undefined) => CompiledCohort;
  readonly driver: Driver;
  readonly scopes: Scopes;
  /** One driver for all calls, from one for each cohort. */
  readonly compose: (driverOf: (cohort: CompiledCohort) => Driver) => Driver;
}

interface Given {
  readonly policy: string;
  /** By who made it. */
  readonly isNamed: boolean;
  readonly parts: Parts;
  readonly options: ParsedPolicyOptions;
  readonly events: Events;
  readonly accounts: Accounts;
}

export function compileCohorts(given: Given): Cohorts {
  const { policy, isNamed, parts, options } = given;
  for (const part of statefulOf(parts)) part.usedBy(policy);
  const mode = modeOf(policy, options);
  const { canary } = options;
  if (canary === undefined || mode !== "enforce")
    return onlyOne(compileOne(given, mode, undefined));
  // A number that counts the policies without a name says nothing in the next process.
  const { ratio, by, salt = isNamed ? policy : "" } = canary;
  const isCanary = (name: string): boolean => isTaken(salt, name, ratio);
  const isHere = isCanary(instanceName());
  if (by === "process")
    return onlyOne(
      isHere ? compileOne(given, mode, "canary") : compileOne(given, "shadow", "control"),
    );
  return byKey(given, (key) => (key === undefined ? isHere : isCanary(key)));
}

function onlyOne(cohort: CompiledCohort): Cohorts {
  const { driver, scopes } = cohort;
  return {
    all: [cohort],
    of: () => cohort,
    driver,
    scopes,
    compose: (driverOf) => driverOf(cohort),
  };
}

/** The key function is asked before there is a cohort, so the cohorts have none. */
function byKey(given: Given, isCanary: (key: string | undefined) => boolean): Cohorts {
  const { key, ...options } = given.options;
  const keyless = { ...given, options: { ...options, key: undefined } };
  const taken = compileOne(keyless, "enforce", "canary");
  const others = compileOne(keyless, "shadow", "control");
  const of = (found: string | undefined): CompiledCohort => (isCanary(found) ? taken : others);
  const compose: Cohorts["compose"] = (driverOf) => {
    const forTaken = [driverOf(taken), taken.scopes] as const;
    const forOthers = [driverOf(others), others.scopes] as const;
    return splitByKey(key, (found) => (isCanary(found) ? forTaken : forOthers));
  };
  const driver = compose((cohort) => cohort.driver);
  return { all: [taken, others], of, driver, scopes: taken.scopes, compose };
}

function compileOne(given: Given, mode: Mode, cohort: Cohort | undefined): CompiledCohort {
  const { policy, options, accounts } = given;
  const inShadow = mode === "shadow";
  const parts = inShadow ? booksOf(given.parts, cohort) : given.parts;
  const events = given.events.of(cohort, inShadow ? "shadow" : undefined);
  const account = accounts.of(cohort);
  const around = (driver: Driver): Driver =>
    cohort === undefined ? driver : measured(driver, account.measures);
  const compiled = compile({ policy, parts, options, events, mode, account }, around);
  return { ...compiled, cohort, account };
}

/**
 * What keeps books in shadow has a state of its own: what it would have refused must not be refused to anybody else.
 * But a canary and its control share what is there once, and really used by both: room, and rate.
 */
function booksOf(parts: Parts, cohort: Cohort | undefined): Parts {
  const kept = statefulOf(parts).filter((part) => cohort === undefined || !isForBoth(part));
  return { ...parts, ...Object.fromEntries(kept.map((part) => [part.kind, part.twin()])) };
}

/** Whether a canary and its control share it. */
export function isForBoth({ kind }: StatefulPart): boolean {
  return kind === "bulkhead" || kind === "rateLimit";
}
