import { badInput, type Policy } from "@breakwater/core";
import type { Pool } from "pg";
import { wrapPool } from "./wrap-pool.js";
import type { PgPart, PoolOptions } from "../options/pool-options.js";

// oxlint-disable-next-line typescript/no-explicit-any -- what TypeScript asks of a mixin's constructor
type PoolClass = new (...args: any[]) => Pool;

/**
 * A subclass whose pools are wrapped as soon as they are made: for ORMs that make their own. Parts are shared by all of
 * its pools, which should be pools of one database.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` for what is no class of pools; where a pool is made, as `wrapPool`.
 * @example
 * const Pool = withResilience(pg.Pool, circuitBreaker(), retryBudget());
 * new DataSource({ type: "postgres", driver: { ...pg, Pool } });
 */
export function withResilience<C extends PoolClass>(
  Base: C,
  policy: string | Policy,
  options?: PoolOptions,
): C;
export function withResilience<C extends PoolClass>(Base: C, ...parts: readonly PgPart[]): C;
export function withResilience<C extends PoolClass>(Base: C, ...parts: readonly unknown[]): C {
  if (typeof Base !== "function" || typeof Base.prototype?.connect !== "function")
    throw badInput("withResilience", "a class of pools: pg.Pool", Base);
  // Drizzle tells a pool from a client by "Pool" in its name.
  return class ResilientPool extends Base {
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    constructor(...args: any[]) {
      super(...args);
      wrapPool(this, ...(parts as readonly PgPart[]));
    }
  };
}
