import type { Lane, Wait } from "@breakwater/core";
import type { Pool, PoolClient } from "pg";
import type { Connected } from "../connection/inside.js";
import { PoolExhaustedError } from "../errors/pool-exhausted.js";
import { inUse } from "./in-use.js";

/** pg's own `connect`, as it was before we came. */
export type Connect = (this: Pool, callback: Connected) => void;

const QUEUE_TIMEOUT = "timeout exceeded when trying to connect";
/** pg's own timer should be first; ours is for where that has no effect, such as a hanging `onConnect`. */
export const GRACE_MS = 500;

/** How long anybody waits for a connection of a pool. */
export interface AcquireLimit {
  readonly acquireMs: number;
  /** Of that and `GRACE_MS`. */
  readonly lane: Lane;
}

/** Asks pg for a connection. */
export class Acquisition implements Wait {
  next: Wait | undefined = undefined;
  previous: Wait | undefined = undefined;
  dueMs = 0;
  readonly #pool: Pool;
  readonly #connected: ReadonlyMap<PoolClient, unknown>;
  readonly #limit: AcquireLimit | undefined;
  readonly #waiting: Set<Acquisition>;
  readonly #done: Connected;
  #isOver = false;

  /** `waiting` has those that are not served at once. */
  constructor(
    pool: Pool,
    connected: ReadonlyMap<PoolClient, unknown>,
    limit: AcquireLimit | undefined,
    waiting: Set<Acquisition>,
    done: Connected,
  ) {
    this.#pool = pool;
    this.#connected = connected;
    this.#limit = limit;
    this.#waiting = waiting;
    this.#done = done;
  }

  begin(connect: Connect): void {
    this.#limit?.lane.add(this);
    const { options, idleCount, waitingCount } = this.#pool;
    const { connectionTimeoutMillis } = options;
    // pg would make a timer of its own also for a connection that is there.
    if (idleCount > waitingCount) options.connectionTimeoutMillis = 0;
    else this.#waiting.add(this);
    try {
      connect.call(this.#pool, (error, client, release) => this.#came(error, client, release));
    } finally {
      options.connectionTimeoutMillis = connectionTimeoutMillis;
    }
  }

  /** pg cannot be told that nobody waits any more: what comes then goes back at once. */
  giveUp(reason: unknown): void {
    this.#waitNoMore();
    if (!this.#isOver) this.#end(reason as Error);
  }

  expired(): void {
    this.giveUp(this.#explained(new Error(QUEUE_TIMEOUT)));
  }

  #came(
    error: Error | undefined,
    client: PoolClient | undefined,
    release: (error?: unknown) => void,
  ): void {
    this.#waitNoMore();
    if (this.#isOver) client?.release(); // too late for who asked
    else if (error) this.#end(this.#explained(error));
    else this.#end(undefined, client, release);
  }

  #waitNoMore(): void {
    this.#limit?.lane.remove(this);
    this.#waiting.delete(this);
  }

  #end(
    error: Error | undefined,
    client?: PoolClient,
    release: (error?: unknown) => void = () => {},
  ) {
    this.#isOver = true;
    this.#done(error, client, release);
  }

  /** While connections are being made, it is the server that keeps everybody waiting. */
  #explained(error: Error): Error {
    const { max } = this.#pool.options;
    if (error.message !== QUEUE_TIMEOUT || inUse(this.#pool, this.#connected).length < max)
      return error;
    const { waitingCount: waiting, totalCount: total } = this.#pool;
    const exhausted = new PoolExhaustedError({ waiting, total, max }, this.#limit?.acquireMs ?? 0);
    exhausted.cause = error;
    return exhausted;
  }
}
