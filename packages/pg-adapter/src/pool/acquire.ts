import type { Pool, PoolClient } from "pg";
import type { Connected } from "../connection/inside.js";
import type { InUse } from "./in-use.js";
import { PoolExhaustedError } from "../errors/pool-exhausted.js";

/** pg's own `connect`, as it was before we came. */
export type Connect = (this: Pool, callback: Connected) => void;

const QUEUE_TIMEOUT = "timeout exceeded when trying to connect";
/** pg's own timer should be first; ours is for where that has no effect, such as a hanging `onConnect`. */
const GRACE_MS = 500;

/** Asks pg for a connection. */
export class Acquisition {
  readonly #pool: Pool;
  readonly #inUse: InUse;
  readonly #limitMs: number | undefined;
  readonly #waiting: Set<Acquisition>;
  readonly #done: Connected;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isOver = false;

  /** `waiting` has those that are not served at once. */
  constructor(
    pool: Pool,
    inUse: InUse,
    limitMs: number | undefined,
    waiting: Set<Acquisition>,
    done: Connected,
  ) {
    this.#pool = pool;
    this.#inUse = inUse;
    this.#limitMs = limitMs;
    this.#waiting = waiting;
    this.#done = done;
  }

  begin(connect: Connect): void {
    // An idle connection comes in the same turn.
    if (this.#pool.idleCount === 0) this.#wait();
    connect.call(this.#pool, (error, client, release) => {
      this.#waitNoMore();
      if (this.#isOver) client?.release(); // too late for who asked
      else if (error) this.#end(this.#explained(error));
      else this.#end(undefined, client, release);
    });
  }

  /** pg cannot be told that nobody waits any more: what comes then goes back at once. */
  giveUp(reason: unknown): void {
    this.#waitNoMore();
    if (!this.#isOver) this.#end(reason as Error);
  }

  #wait(): void {
    this.#waiting.add(this);
    if (this.#limitMs !== undefined)
      this.#timer = setTimeout(() => this.#expired(), this.#limitMs + GRACE_MS);
  }

  #waitNoMore(): void {
    clearTimeout(this.#timer);
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

  #expired(): void {
    this.giveUp(this.#explained(new Error(QUEUE_TIMEOUT)));
  }

  /** While connections are being made, it is the server that keeps everybody waiting. */
  #explained(error: Error): Error {
    const { max } = this.#pool.options;
    if (error.message !== QUEUE_TIMEOUT || this.#inUse.size < max) return error;
    const { waitingCount: waiting, totalCount: total } = this.#pool;
    const exhausted = new PoolExhaustedError({ waiting, total, max }, this.#limitMs ?? 0);
    exhausted.cause = error;
    return exhausted;
  }
}
