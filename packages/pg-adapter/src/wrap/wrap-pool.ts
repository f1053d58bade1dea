import {
  badInput,
  type DrainReport,
  type Duration,
  type Policy,
  type Watchable,
} from "@breakwater/core";
import type { Pool } from "pg";
import type { PgPart, PoolOptions } from "../options/pool-options.js";
import { sourceOf } from "../policy/source.js";
import { Protection } from "./protection.js";

/** What protects a pool, and the way back. */
export interface PoolResilience {
  /** Takes it off again: the pool is as it was. Statements that run end as they began. */
  readonly unwrap: () => void;
  /** The policy that acquiring connections and `pool.query` run under. */
  readonly policy: Policy;
  /** As a policy's `on`. */
  readonly on: Watchable["on"];
  /** Resolves when a statement would be admitted. */
  readonly ready: (options?: { readonly signal?: AbortSignal }) => Promise<void>;
  /** As a policy's `drain`. It does not end the pool: `pool.end()` does. */
  readonly drain: (options?: { readonly graceMs?: Duration }) => Promise<DrainReport>;
}

const wrapped = new WeakMap<Pool, PoolResilience>();

/**
 * Puts a pool of pg under a policy: a circuit, retries within a budget, time limits, and statements that are cancelled on
 * the server when they are given up. It patches this one instance and returns it: identity, events, counters, callbacks
 * and types stay.
 *
 * Acquiring a connection is always safe to repeat. A statement of `pool.query` is repeated only if it has been declared
 * `readOnly` or `idempotent`, or if the server proves that it had no effect; a statement of a client never, as only
 * transactions as a whole can be: see `withTransaction`.
 *
 * Give it parts as you would give them to `resilient`, and options; or a policy, or the name of one. Nothing at all means
 * the recommended set.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` for what is no pool or has been wrapped already, and for parts or options that
 * cannot work; `ERR_UNKNOWN_POLICY`.
 * @example
 * const pool = wrapPool(new pg.Pool(), circuitBreaker(), retryBudget({ ratio: 0.1 }));
 * const { rows } = await pool.query({ text: "select * from rates", resilience: { readOnly: true } });
 */
export function wrapPool<T extends Pool>(
  pool: T,
  policy: string | Policy,
  options?: PoolOptions,
): T;
export function wrapPool<T extends Pool>(pool: T, ...parts: readonly PgPart[]): T;
export function wrapPool<T extends Pool>(pool: T, ...parts: readonly unknown[]): T {
  mustBePool(pool);
  if (wrapped.has(pool))
    throw badInput(
      "wrapPool",
      "a pool without a policy",
      "one that has a policy already",
      "Call unwrap() of resilienceOf(pool) first",
    );
  const source = sourceOf(pool, parts);
  const protection = new Protection(pool, source);
  protection.attach();
  wrapped.set(pool, resilienceFor(pool, source.policy, protection));
  return pool;
}

/**
 * What protects this pool; undefined for one that is not wrapped.
 *
 * @example
 * await resilienceOf(pool)?.drain({ graceMs: "5s" });
 */
export function resilienceOf(pool: Pool): PoolResilience | undefined {
  return wrapped.get(pool);
}

function resilienceFor(pool: Pool, policy: Policy, protection: Protection): PoolResilience {
  return {
    policy,
    unwrap: () => {
      if (wrapped.delete(pool)) protection.detach();
    },
    on: (...args: Parameters<Policy["on"]>) => policy.on(...args),
    ready: (options) => policy.ready(options),
    drain: (options) => policy.drain(options),
  };
}

/** By what it has: there may be several copies of pg. */
function mustBePool(pool: unknown): void {
  const { connect, query, end, options, totalCount } = (pool ?? {}) as Partial<Pool>;
  const isPool = [connect, query, end].every((method) => typeof method === "function");
  if (!isPool || typeof options !== "object" || typeof totalCount !== "number")
    throw badInput("wrapPool", "a pool of pg: new pg.Pool()", pool);
}
