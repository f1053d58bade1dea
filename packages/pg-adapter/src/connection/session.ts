import type { PoolClient } from "pg";
import { insideOf } from "./inside.js";

type Status = "I" | "T" | "E";

/** What we know of one connection beyond what pg tells. */
export class Session {
  readonly #client: PoolClient;
  /** As the server last said; pg 8.20 and older keep it to themselves. */
  #heard: Status = "I";
  #isCut = false;

  constructor(client: PoolClient) {
    this.#client = client;
    if (typeof client.getTransactionStatus !== "function")
      // Before pg's own listener, as that runs the callbacks which ask here.
      insideOf(client).connection?.prependListener(
        "readyForQuery",
        (message: { status?: Status }) => {
          this.#heard = message.status ?? "I";
        },
      );
  }

  get isInTransaction(): boolean {
    return this.#status !== "I";
  }

  /** The server waits for the next statement. */
  get isReady(): boolean {
    return insideOf(this.#client).readyForQuery !== false;
  }

  /** Nothing can be said on it any more. */
  get isGone(): boolean {
    const { _queryable, _ended, _ending } = insideOf(this.#client);
    return this.#isCut || _queryable === false || _ended === true || _ending === true;
  }

  /** We have cut it ourselves. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** The server is not told, so this works also where nobody answers. */
  cut(): void {
    this.#isCut = true;
    insideOf(this.#client).connection?.stream.destroy();
  }

  /** Calls back once the server waits for the next statement, or the connection is gone. */
  whenReady(then: () => void): void {
    const { connection } = insideOf(this.#client);
    if (this.isReady || this.isGone || connection === undefined) return then();
    const done = (): void => {
      connection.off("readyForQuery", done).off("end", done);
      then();
    };
    connection.on("readyForQuery", done).on("end", done);
  }

  get #status(): Status {
    // oxlint-disable-next-line typescript/unbound-method -- called on what it is of
    const { getTransactionStatus } = this.#client;
    return typeof getTransactionStatus === "function"
      ? (getTransactionStatus.call(this.#client) ?? "I")
      : this.#heard;
  }
}

const sessions = new WeakMap<PoolClient, Session>();

export function sessionOf(client: PoolClient): Session {
  const known = sessions.get(client);
  if (known !== undefined) return known;
  const session = new Session(client);
  sessions.set(client, session);
  return session;
}
