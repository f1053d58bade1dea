import { badInput } from "@breakwater/core";
import type { ClientBase, Pool } from "pg";
import { lentClientOf } from "./lent-client.js";
import { checkTransactionOptions, type TransactionOptions } from "./options.js";
import { inSavepoint } from "./savepoint.js";
import { sourceOf } from "./source.js";
import { Transaction, type TransactionFunction } from "./transaction.js";

/**
 * Runs a function in a transaction: BEGIN, the function, COMMIT. What the function throws rolls it back, and is thrown on
 * unchanged.
 *
 * The whole of it runs again, function included, where that certainly repeats nothing: after a conflict (40001, 40P01), a
 * connection that was not to be had, and one that was lost before COMMIT. So the function should do nothing outside the
 * transaction that must not be done twice. Attempts, delays and budget are those of the pool's policy; a pool that is not
 * wrapped gets 5 attempts and a budget of its own.
 *
 * Given the client of a transaction instead of a pool, it runs in a savepoint of that one: it can fail alone, and is
 * repeated only where a lock was not free (55P03).
 *
 * @throws BreakwaterError where the policy refuses or time is up; `ERR_INVALID_SPEC`.
 * @throws CommitUnknownError where nobody can say whether it was committed.
 * @throws TransactionError `ERR_ROLLED_BACK` where the server rolled back at COMMIT, as a statement had failed.
 * @example
 * await withTransaction(
 *   pool,
 *   async (client) => {
 *     await client.query("update accounts set cents = cents - $2 where id = $1", [from, cents]);
 *     await client.query("update accounts set cents = cents + $2 where id = $1", [to, cents]);
 *   },
 *   { isolation: "serializable" },
 * );
 */
export async function withTransaction<T>(
  pool: Pool | ClientBase,
  fn: TransactionFunction<T>,
  options: TransactionOptions = {},
): Promise<Awaited<T>> {
  if (typeof fn !== "function")
    throw badInput("withTransaction", "a function that gets a client", fn);
  const outer = lentClientOf(pool);
  const checked = checkTransactionOptions(options, outer !== undefined);
  if (outer !== undefined) return inSavepoint(outer, fn, checked);
  return new Transaction(sourceOf(pool as Pool), fn, checked).run();
}
