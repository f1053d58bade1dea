import { badInput, isPlainObject, type Policy, type PolicyPart, resilient } from "@breakwater/core";
import type { Pool } from "pg";
import { checkOptions } from "../options/check.js";
import { poolChecks, type PoolOptions } from "../options/pool-options.js";

/** The policy of a pool, and what it was told beside. */
export interface Source {
  readonly policy: Policy;
  readonly options: PoolOptions;
}

/** What a pool does itself, or what an outcome cannot be replaced by: with what to do instead. */
const SENSELESS: Readonly<Record<string, string>> = {
  bulkhead: "The pool is the bulkhead: set its max, and acquireMs for the wait",
  fallback: "A connection has no stand-in: put the fallback round the function that queries",
};

/** @throws BreakwaterError `ERR_INVALID_SPEC`, or `ERR_UNKNOWN_POLICY`. */
export function sourceOf(pool: Pool, given: readonly unknown[]): Source {
  const borrowed = given.filter(isBorrowed);
  const { options, parts } = split(given.filter((item) => !isBorrowed(item)));
  checkOptions("wrapPool", poolChecks, options);
  const [only] = borrowed;
  if (only === undefined) return { policy: makePolicy(pool, parts), options };
  if (borrowed.length > 1 || parts.length > 0)
    throw badInput(
      "wrapPool",
      "either a policy, its name, or parts",
      [...borrowed, ...parts].map(nameOf).join(" and "),
      "Give the parts to the policy itself",
    );
  return { policy: suited(typeof only === "string" ? resilient(only) : only), options };
}

function isBorrowed(item: unknown): item is string | Policy {
  return (
    typeof item === "string" || typeof (item as Partial<Policy> | null)?.execute === "function"
  );
}

function nameOf(item: unknown): string {
  return typeof item === "string" ? JSON.stringify(item) : "a part or policy";
}

/** Which of the options are about statements, and which about the policy. */
function split(given: readonly unknown[]): { options: PoolOptions; parts: unknown[] } {
  const options: Record<string, unknown> = {};
  const parts: unknown[] = [];
  for (const item of given) {
    if (!isPlainObject(item)) {
      parts.push(item);
      continue;
    }
    const entries = Object.entries(item);
    Object.assign(options, Object.fromEntries(entries.filter(isOurs)));
    const ofPolicy = entries.filter((entry) => !isOurs(entry));
    if (ofPolicy.length > 0) parts.push(Object.fromEntries(ofPolicy));
  }
  return { options, parts };
}

function isOurs([name]: [string, unknown]): boolean {
  return Object.hasOwn(poolChecks, name);
}

function makePolicy(pool: Pool, parts: readonly unknown[]): Policy {
  const own = parts.find(isPlainObject) ?? {};
  for (const name of ["key", "scope"])
    if (own[name] !== undefined)
      throw badInput(`wrapPool.${name}`, `no ${name}: a pool is one database`, own[name]);
  const given = parts.filter((part) => part !== own) as PolicyPart[];
  return suited(resilient(...given, { name: nameFor(pool), ...own }));
}

/** @throws BreakwaterError `ERR_INVALID_SPEC` for a policy with parts that make no sense for a pool. */
function suited(policy: Policy): Policy {
  for (const { kind, present } of policy.explain().parts)
    if (present && Object.hasOwn(SENSELESS, kind))
      throw badInput("wrapPool", `no ${kind}`, `a ${kind}`, SENSELESS[kind]);
  return policy;
}

interface Named {
  readonly database?: string;
  readonly connectionString?: string;
  readonly user?: string;
}

/** As pg finds it: what the pool was told, the environment, the user. */
function nameFor(pool: Pool): string {
  const { database, connectionString, user } = pool.options as Named;
  const env = process.env;
  const named = (connectionString && databaseIn(connectionString)) || database;
  return `pg:${named || env["PGDATABASE"] || user || env["PGUSER"] || env["USER"] || "postgres"}`;
}

function databaseIn(connectionString: string): string | undefined {
  if (!URL.canParse(connectionString)) return undefined;
  const path = new URL(connectionString).pathname.slice(1);
  return path === "" ? undefined : decodeURIComponent(path);
}
