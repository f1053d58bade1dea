import { deadline, type Policy, resilient, retry, retryBudget } from "@breakwater/core";
import type { PoolClient } from "pg";
import { judgePgError, sayOf, sqlStateOf } from "../classify/judge.js";
import type { Session } from "./session.js";
import type { Source } from "./source.js";
import { orAborted } from "./waits.js";

/** How a transaction can be found again: its number, and the life of the server that gave it. */
export interface TransactionMark {
  /** Null for one that has written nothing. */
  readonly xid: string | null;
  readonly life: string;
}

export type Outcome = "committed" | "aborted" | "unknown";

/**
 * A server that crashes forgets the numbers that had not reached its disk, and gives them out again; a number that is
 * committed in another life may be another transaction. Statistics begin anew with each recovery, also where the
 * postmaster has lived on.
 */
const LIFE =
  "concat(pg_postmaster_start_time(), ' ', (select stats_reset from pg_stat_bgwriter)) as life";
const MARK = `select pg_current_xact_id_if_assigned()::text as xid, ${LIFE}`;
const STATUS = `select pg_xact_status($1::text::xid8) as status, ${LIFE}`;
/** "transaction ID is in the future" */
const NEVER_SEEN = "22023";

/** What the transaction that is open has for a mark; undefined where it has failed already. */
export async function markOf(session: Session): Promise<TransactionMark | undefined> {
  try {
    const { rows } = await session.say(MARK);
    return rows[0] as unknown as TransactionMark; // as MARK selects it
  } catch (error) {
    if (sqlStateOf(error) === "25P02") return undefined;
    throw error;
  }
}

/** Asks the server what became of a transaction, until it knows; for five seconds at most. */
export async function outcomeOf(
  mark: TransactionMark,
  source: Source,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    return await askingOf(source).execute((call) => askFor(mark, source, call.signal), {
      signal,
      classify,
    });
  } catch {
    return "unknown"; // the caller gets the error that its COMMIT was lost with
  }
}

class StillInProgress extends Error {}

const classify = {
  error: (error: unknown) =>
    error instanceof StillInProgress ? "transient" : sayOf(judgePgError(error, "acquire")),
} as const;

const asking = new WeakMap<Policy, Policy>();

function askingOf(source: Source): Policy {
  const known = asking.get(source.policy);
  if (known !== undefined) return known;
  const often = retry({ maxAttempts: 50, baseMs: 20, maxMs: 500 });
  const budget = retryBudget({ ratio: 1, reserve: 100 });
  const name = `${source.policy.name} lost commits`;
  const policy = resilient(often, budget, deadline("5s"), { name });
  asking.set(source.policy, policy);
  return policy;
}

async function askFor(
  mark: TransactionMark,
  source: Source,
  signal: AbortSignal,
): Promise<Outcome> {
  const client = await source.connect(signal);
  let failure: unknown;
  const heard = (error: unknown): void => void (failure = error);
  client.on("error", heard);
  try {
    return await orAborted(signal, statusOn(client, mark));
  } catch (error) {
    failure = error;
    if (sqlStateOf(error) === NEVER_SEEN) return "aborted";
    throw error;
  } finally {
    client.release(failure !== undefined);
    if (failure === undefined) client.off("error", heard);
  }
}

async function statusOn(client: PoolClient, { xid, life }: TransactionMark): Promise<Outcome> {
  const { rows } = await client.query<{ status: string | null; life: string }>(STATUS, [xid]);
  const { status, life: lifeNow } = rows[0] ?? { status: null, life: "" };
  if (status === "in progress") throw new StillInProgress("the transaction is still in progress");
  if (status === "aborted") return "aborted";
  return status === "committed" && lifeNow === life ? "committed" : "unknown";
}
