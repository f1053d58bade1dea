import { type Policy, resilient, retry, retryBudget } from "@breakwater/core";
import type { Pool, PoolClient } from "pg";
import { badInput } from "../errors/bad-input.js";
import { protectionOf, resilienceOf } from "../wrap/wrap-pool.js";

/** Where the transactions of a pool get their policy and their connections. */
export interface Source {
  readonly policy: Policy;
  /** The most attempts where a transaction does not say: those of the policy, or these. */
  readonly maxAttempts: number | undefined;
  /** One try: what comes of it the policy hears from the transaction. */
  readonly connect: () => Promise<PoolClient>;
}

const PLAIN_ATTEMPTS = 5;
const plain = new WeakMap<Pool, Source>();

/** @throws BreakwaterError `ERR_INVALID_SPEC` for what is no pool. */
export function sourceOf(pool: Pool): Source {
  if (typeof (pool as Partial<Pool> | null)?.connect !== "function" || !("totalCount" in pool))
    throw badInput(
      "withTransaction",
      "a pool of pg, or the client that a transaction's function got",
      pool,
    );
  const protection = protectionOf(pool);
  const policy = resilienceOf(pool)?.policy;
  if (protection !== undefined && policy !== undefined)
    return { policy, maxAttempts: undefined, connect: () => protection.connectOnce() };
  const known = plain.get(pool) ?? plainSource(pool);
  plain.set(pool, known);
  return known;
}

/**
 * A pool that nobody has wrapped gets retries, within a budget, for its transactions only. Conflicts are over quickly, so
 * delays are short.
 */
function plainSource(pool: Pool): Source {
  const { database = "postgres" } = pool.options ?? {};
  const retries = retry({ maxAttempts: 100, baseMs: 20, maxMs: 1_000 });
  const policy = resilient(retries, retryBudget(), { name: `pg:${database} transactions` });
  return { policy, maxAttempts: PLAIN_ATTEMPTS, connect: () => pool.connect() };
}
