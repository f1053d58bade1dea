import { type Policy, resilient, retry, retryBudget } from "@breakwater/core";
import type { Client } from "pg";
import { judgePgError, sayOf } from "../classify/judge.js";
import { orAborted } from "../transaction/waits.js";
import { clientFor, hangUp, type LockSource } from "./connection.js";
import type { LockRules } from "./options.js";

/** What roles and databases set for statements must not end a wait for a lock. */
const NO_LIMITS = "set statement_timeout = 0; set lock_timeout = 0";
const TRY = "select pg_try_advisory_lock($1) as held";
const WAIT = "select true as held from pg_advisory_lock($1)";

let policy: Policy | undefined;

/** Of all locks: a connection that fails while it waits is replaced, and the wait begins anew. */
export function policyOfLocks(): Policy {
  policy ??= resilient(retry({ baseMs: 100, maxMs: 2_000 }), retryBudget(), { name: "pg locks" });
  return policy;
}

/** The connection that holds the lock; undefined where somebody else has it. */
export function acquire(
  source: LockSource,
  key: bigint,
  { wait, deadlineMs, signal }: LockRules,
): Promise<Client | undefined> {
  return policyOfLocks().execute((call) => tryOnce(source, key, wait, call.signal), {
    deadlineMs,
    signal,
    classify: { error: (error) => sayOf(judgePgError(error, "acquire")) ?? "permanent" },
  });
}

async function tryOnce(
  source: LockSource,
  key: bigint,
  wait: boolean,
  signal: AbortSignal,
): Promise<Client | undefined> {
  const client = await clientFor(source);
  client.on("error", () => {}); // the query that fails of it tells
  try {
    if (await orAborted(signal, isHeldBy(client, key, wait))) return client;
  } catch (error) {
    hangUp(client);
    throw error;
  }
  await client.end();
}

async function isHeldBy(client: Client, key: bigint, wait: boolean): Promise<boolean> {
  await client.connect();
  await client.query(NO_LIMITS);
  const { rows } = await client.query<{ held: boolean }>(wait ? WAIT : TRY, [String(key)]);
  return rows[0]?.held === true;
}
