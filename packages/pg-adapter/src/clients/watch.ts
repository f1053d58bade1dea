import { reportEvent, summaryOf } from "@breakwater/core";
import type { PoolClient } from "pg";
import { judgePgError } from "../classify/judge.js";
import type { Guarded } from "../pool/guarded.js";
import { inUse } from "../pool/in-use.js";
import { sessionOf } from "../connection/session.js";

interface Watched {
  readonly restore: () => void;
  readonly failed: (error: Error) => void;
}

/** Listens to a pool and all its connections, so that none of their errors can end the process. */
export class Watch {
  readonly #guarded: Guarded;
  readonly #guard: (client: PoolClient) => () => void;
  readonly #clients = new Map<PoolClient, Watched>();

  /** `guard` prepares each connection once, and gives the way back. */
  constructor(guarded: Guarded, guard: (client: PoolClient) => () => void) {
    this.#guarded = guarded;
    this.#guard = guard;
  }

  /** `existing`: connections that the pool has already. */
  begin(existing: readonly PoolClient[]): void {
    const { pool } = this.#guarded;
    for (const client of existing) this.#connected(client);
    pool.on("connect", this.#connected).on("remove", this.#removed).on("error", this.#idleFailed);
  }

  end(): void {
    const { pool, connected } = this.#guarded;
    pool
      .off("connect", this.#connected)
      .off("remove", this.#removed)
      .off("error", this.#idleFailed);
    for (const [client, { restore, failed }] of this.#clients) {
      restore();
      client.off("error", failed);
    }
    this.#clients.clear();
    connected.clear();
  }

  readonly #connected = (client: PoolClient): void => {
    const restore = this.#guard(client);
    const failed = (error: Error): void => this.#failed(client, error);
    sessionOf(client);
    client.on("error", failed);
    this.#clients.set(client, { restore, failed });
    this.#guarded.connected.set(client, undefined);
  };

  /** It may still fail while it ends. */
  readonly #removed = (client: PoolClient): void => {
    this.#clients.delete(client);
    this.#guarded.connected.delete(client);
  };

  readonly #idleFailed = (error: Error): void => {
    reportEvent(this.#guarded.policy, "client.failed", { state: "idle", error: summaryOf(error) });
    this.#evictIfMoved(error);
  };

  /** Of an idle one the pool tells. */
  #failed(client: PoolClient, error: Error): void {
    const { pool, connected } = this.#guarded;
    if (sessionOf(client).isCut || !inUse(pool, connected).includes(client)) return;
    const state = "checked out";
    reportEvent(this.#guarded.policy, "client.failed", { state, error: summaryOf(error) });
    this.#evictIfMoved(error);
  }

  #evictIfMoved(error: Error): void {
    if (judgePgError(error, "transaction")?.connection === "all destroyed")
      this.#guarded.evict(error);
  }
}
