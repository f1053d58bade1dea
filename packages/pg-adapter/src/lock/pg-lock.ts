import { badInput, reportEvent, summaryOf } from "@breakwater/core";
import type { Client } from "pg";
import { within } from "../transaction/waits.js";
import { acquire, policyOfLocks } from "./acquire.js";
import { hangUp, keepAlive, type LockSource } from "./connection.js";
import { lockKeyOf } from "./lock-key.js";
import { type LockRules, parseLockOptions, type PgLockOptions } from "./options.js";

/** The reason that the signal of a lost lock is aborted with. */
export class LockLostError extends Error {
  readonly code = "ERR_LOCK_LOST";
  /** The name of the lock. */
  readonly lock: string;

  static {
    Object.defineProperty(this.prototype, "name", { value: "LockLostError" });
  }

  constructor(lock: string, cause: unknown) {
    super(`The lock "${lock}" was lost with its connection: somebody else may hold it now.`, {
      cause,
    });
    this.lock = lock;
  }
}

const LAST_WORD_MS = 2_000;

/** A lock that is held, until it is released or lost. Get it from `pgLock`. */
export class PgLock implements AsyncDisposable {
  readonly name: string;
  /** As PostgreSQL knows it: `pg_locks` shows it in two halves, `classid` and `objid`. */
  readonly key: bigint;
  readonly #client: Client;
  readonly #rules: LockRules;
  readonly #loss = new AbortController();
  #state: "held" | "lost" | "released" = "held";
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @internal */
  constructor(name: string, key: bigint, client: Client, rules: LockRules) {
    this.name = name;
    this.key = key;
    this.#client = client;
    this.#rules = rules;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(new Error("its connection has ended")));
    keepAlive(client, false);
    this.#checkLater();
  }

  get isHeld(): boolean {
    return this.#state === "held";
  }

  /** Aborted with a `LockLostError` when the lock is lost. Pass it to what must not go on without the lock. */
  get signal(): AbortSignal {
    return this.#loss.signal;
  }

  /** Gives the lock back. Does nothing where it is not held any more. */
  async release(): Promise<void> {
    if (this.#state !== "held") return;
    this.#state = "released";
    clearTimeout(this.#timer);
    keepAlive(this.#client, true);
    await within(LAST_WORD_MS, this.#sayGoodbye()).catch(() => {}); // it is gone with its connection, too
    hangUp(this.#client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #sayGoodbye(): Promise<void> {
    await this.#client.query("select pg_advisory_unlock($1)", [String(this.key)]);
    await this.#client.end();
  }

  /** A connection can be dead without a sign of it. */
  #checkLater(): void {
    this.#timer = setTimeout(() => {
      within(this.#rules.checkMs, this.#client.query("select 1")).then(
        () => this.isHeld && this.#checkLater(),
        (error: unknown) => this.#lose(error),
      );
    }, this.#rules.checkMs).unref();
  }

  #lose(cause: unknown): void {
    if (this.#state !== "held") return;
    this.#state = "lost";
    clearTimeout(this.#timer);
    hangUp(this.#client);
    const error = new LockLostError(this.name, cause);
    this.#loss.abort(error);
    reportEvent(policyOfLocks(), "lock.lost", { lock: this.name, error: summaryOf(cause) });
    this.#tell(error);
  }

  #tell(error: LockLostError): void {
    try {
      this.#rules.onLost?.(error);
    } catch (failure) {
      const details = { hook: "listener", error: summaryOf(failure) } as const;
      reportEvent(policyOfLocks(), "hook.failed", details);
    }
  }
}

/**
 * Takes a lock that only one process of all that use the database can hold: against cron runs that overlap. It is held
 * on a connection of its own, and is lost with it: `lock.signal` is aborted then, and `lock.lost` is reported. A
 * process that is killed gives it back by that.
 *
 * Without `wait` it is undefined where somebody else holds it; `await using` takes that, too.
 *
 * A lock is lost a moment before its holder can know. What must never happen twice needs more than a lock: a unique
 * constraint, or a version that is checked in the same transaction. A pooler between must keep sessions
 * (PgBouncer: `pool_mode = session`).
 *
 * @throws BreakwaterError `ERR_DEADLINE_EXCEEDED` after `deadlineMs`; `ERR_INVALID_SPEC`. And what pg throws where there is
 * no connection to be had.
 * @example
 * await using lock = await pgLock(pool, "nightly-report");
 * if (lock === undefined) return; // the last run is still at it
 * await buildReport({ signal: lock.signal });
 */
export function pgLock(
  source: LockSource,
  name: string,
  options: PgLockOptions & { readonly wait: true },
): Promise<PgLock>;
export function pgLock(
  source: LockSource,
  name: string,
  options?: PgLockOptions,
): Promise<PgLock | undefined>;
export async function pgLock(
  source: LockSource,
  name: string,
  options: PgLockOptions = {},
): Promise<PgLock | undefined> {
  if (typeof name !== "string" || name === "") throw badInput("pgLock.name", "a name", name);
  const rules = parseLockOptions(options);
  const key = lockKeyOf(name);
  const client = await acquire(source, key, rules);
  return client === undefined ? undefined : new PgLock(name, key, client, rules);
}
