import { badInput, type Policy, resilient, retry, retryBudget } from "@breakwater/core";
import type { Pool, PoolClient } from "pg";
import { type Protection, protectionOf } from "../wrap/protection.js";
import { orAborted } from "./waits.js";

/** Where the transactions of a pool get their policy and their connections. */
export interface Source {
  readonly policy: Policy;
  /** The most attempts where a transaction does not say: those of the policy, or these. */
  readonly maxAttempts: number | undefined;
  /** One try: what comes of it the policy hears from the transaction. */
  readonly connect: (signal: AbortSignal) => Promise<PoolClient>;
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
  return protection === undefined ? plainSource(pool) : wrappedSource(protection);
}

function wrappedSource(protection: Protection): Source {
  const connect = (signal: AbortSignal): Promise<PoolClient> => protection.acquire(signal);
  return { policy: protection.policy, maxAttempts: undefined, connect };
}

function plainSource(pool: Pool): Source {
  const known = plain.get(pool);
  if (known !== undefined) return known;
  const connect = (signal: AbortSignal): Promise<PoolClient> => acquire(pool, signal);
  const source = { policy: policyFor(pool), maxAttempts: PLAIN_ATTEMPTS, connect };
  plain.set(pool, source);
  return source;
}

/**
 * A pool that nobody has wrapped gets retries, within a budget, for its transactions only. Conflicts are over quickly, so
 * delays are short.
 */
function policyFor(pool: Pool): Policy {
  const { database = "postgres" } = pool.options ?? {};
  const retries = retry({ maxAttempts: 100, baseMs: 20, maxMs: 1_000 });
  return resilient(retries, retryBudget(), { name: `pg:${database} transactions` });
}

/** pg cannot be told that nobody waits any more: what comes then goes back at once. */
async function acquire(pool: Pool, signal: AbortSignal): Promise<PoolClient> {
  const connecting = pool.connect();
  try {
    return await orAborted(signal, connecting);
  } catch (error) {
    if (signal.aborted)
      connecting.then(
        (client) => client.release(),
        () => {},
      );
    throw error;
  }
}
