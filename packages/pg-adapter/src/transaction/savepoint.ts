import {
  badInput,
  type Call,
  type Policy,
  resilient,
  retry,
  retryBudget,
  type Said,
} from "@breakwater/core";
import { sqlStateOf } from "../classify/judge.js";
import { usedAfterEnd } from "./errors.js";
import { LentClient } from "./lent-client.js";
import type { TransactionOptions } from "./options.js";
import type { TransactionFunction } from "./transaction.js";
import { orAborted } from "./waits.js";

/**
 * Only a lock that was not free is worth another try inside the same transaction. A conflict (40001, 40P01) is a conflict
 * of the whole transaction: in PostgreSQL it fails again until that begins anew.
 */
const LOCK_NOT_AVAILABLE = "55P03";
const again: Said = { verdict: "throttled", unsent: true };

let policy: Policy | undefined;

/** Retries of savepoints are of one policy: they hold locks while they wait, so they are few, and soon. */
function policyOfSavepoints(): Policy {
  policy ??= resilient(retry({ maxAttempts: 100, baseMs: 20, maxMs: 500 }), retryBudget(), {
    name: "pg savepoints",
  });
  return policy;
}

/** A transaction inside another one: it can be undone alone. */
export async function inSavepoint<T>(
  outer: LentClient,
  fn: TransactionFunction<T>,
  { signal, maxAttempts = 3 }: TransactionOptions,
): Promise<Awaited<T>> {
  if (!outer.isOpen) throw usedAfterEnd();
  if (outer.isLentOn)
    throw badInput(
      "withTransaction",
      "one transaction after another within the same transaction",
      "one that was begun beside another",
      "Await the first before you begin the second",
    );
  outer.isLentOn = true;
  const attempts = new Attempts(outer, fn);
  try {
    return await policyOfSavepoints().execute((call) => attempts.next(call), {
      signal,
      maxAttempts,
      idempotent: false,
      classify: { error: (error) => attempts.meaningOf(error) },
    });
  } catch (error) {
    if (attempts.meaningOf(error) === again) outer.session.giveUpOn(error);
    throw error;
  } finally {
    outer.isLentOn = false;
  }
}

class Attempts<T> {
  readonly #outer: LentClient;
  readonly #fn: TransactionFunction<T>;
  readonly #name: string;

  constructor(outer: LentClient, fn: TransactionFunction<T>) {
    this.#outer = outer;
    this.#fn = fn;
    this.#name = `breakwater_${outer.depth + 1}`;
  }

  async next(call: Call): Promise<Awaited<T>> {
    const { session, depth } = this.#outer;
    await session.say(`SAVEPOINT ${this.#name}`);
    const lent = new LentClient(session, depth + 1);
    try {
      const value = await orAborted(call.signal, this.#runOn(lent, call));
      lent.isOpen = false;
      await session.say(`RELEASE SAVEPOINT ${this.#name}`);
      return value;
    } catch (error) {
      lent.isOpen = false;
      await this.#undo();
      throw error;
    }
  }

  meaningOf(error: unknown): Said {
    const own = this.#outer.session.ownErrorIn(error);
    return sqlStateOf(own) === LOCK_NOT_AVAILABLE ? again : "permanent";
  }

  async #runOn({ client }: LentClient, call: Call): Promise<Awaited<T>> {
    return await this.#fn(client, call);
  }

  /** Where that fails the transaction around it fails too, with the error that is on its way. */
  async #undo(): Promise<void> {
    const undo = `ROLLBACK TO SAVEPOINT ${this.#name}; RELEASE SAVEPOINT ${this.#name}`;
    await this.#outer.session.say(undo).catch(() => {});
  }
}
