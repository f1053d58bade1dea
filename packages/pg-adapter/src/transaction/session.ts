import type { PoolClient, QueryResult } from "pg";
import { requestCancel } from "../cancel/cancel-request.js";
import { sqlStateOf } from "../classify/judge.js";
import { speakFor } from "../clients/checked-out.js";
import { type Session as Connection, sessionOf } from "../connection/session.js";
import { orAborted, within } from "./waits.js";

/** How long a ROLLBACK may take, or a COMMIT that nobody waits for any more, before its connection is given up. */
const LAST_WORD_MS = 2_000;
const IN_FAILED_TRANSACTION = "25P02";
const DEPTH = 10;

/** A connection while one transaction runs on it. */
export class Session {
  readonly client: PoolClient;
  /** What its transaction failed with first: the server answers all that follows with 25P02. */
  brokenBy: unknown = undefined;
  readonly #errors = new WeakSet<object>();
  readonly #givenUp = new WeakSet<object>();
  /** Its connection has gone. */
  isLost = false;
  #isReleased = false;
  /** From now on: it hears what the server says, which pg before 8.21 does not tell. */
  readonly #connection: Connection;
  /** The policy hears of the transaction as a whole. */
  readonly #speakNoMore: () => void;
  /** Without a listener an error of a checked-out client would end the process. */
  readonly #lost = (): void => void (this.isLost = true);

  constructor(client: PoolClient) {
    this.client = client;
    this.#connection = sessionOf(client);
    this.#speakNoMore = speakFor(client);
    client.on("error", this.#lost).on("end", this.#lost);
  }

  /** For the transaction's function: any form of `query`. */
  ask(args: readonly unknown[]): unknown {
    const query = this.client.query.bind(this.client) as (...given: readonly unknown[]) => unknown;
    const answer = query(...args);
    if (answer instanceof Promise) answer.catch((error: unknown) => this.heard(error));
    return answer;
  }

  /** For ourselves. */
  async say(text: string): Promise<QueryResult<Record<string, unknown>>> {
    try {
      return await this.client.query<Record<string, unknown>>(text);
    } catch (error) {
      this.heard(error);
      throw error;
    }
  }

  heard(error: unknown): void {
    if (typeof error !== "object" || error === null) return;
    this.#errors.add(error);
    if (sqlStateOf(error) !== IN_FAILED_TRANSACTION) this.brokenBy = error;
  }

  /** The error of this connection that is behind what a function has thrown, through what an ORM has put around it. */
  ownErrorIn(thrown: unknown): unknown {
    let link = thrown;
    for (let depth = 0; depth < DEPTH && typeof link === "object" && link !== null; depth++) {
      if (this.#errors.has(link))
        return sqlStateOf(link) === IN_FAILED_TRANSACTION ? (this.brokenBy ?? link) : link;
      const { cause, driverError } = link as { cause?: unknown; driverError?: unknown };
      link = cause ?? driverError;
    }
    return undefined;
  }

  /** A savepoint has been tried for as often as it may: the transaction around it is not run again for that. */
  giveUpOn(error: unknown): void {
    if (typeof error === "object" && error !== null) this.#givenUp.add(error);
  }

  hasGivenUpOn(error: unknown): boolean {
    return typeof error === "object" && error !== null && this.#givenUp.has(error);
  }

  /** Of the server: is it between transactions? */
  get isIdle(): boolean {
    return !this.#connection.isInTransaction;
  }

  /** Whether the server took it. Then it goes on to answer, so whatever was open is rolled back. */
  async rollBack(): Promise<boolean> {
    if (this.isLost || this.#isReleased) return false;
    return within(LAST_WORD_MS, this.say("ROLLBACK")).then(
      () => true,
      () => false,
    );
  }

  /** Once it is sent it may still end, but not for ever, when nobody waits for it any more. */
  async commit(signal: AbortSignal): Promise<QueryResult> {
    const committed = this.say("COMMIT");
    try {
      return await orAborted(signal, committed);
    } catch (error) {
      if (!signal.aborted) throw error;
      return within(LAST_WORD_MS, committed);
    }
  }

  /** Whatever still runs on it is cancelled on the server; the connection is destroyed, so a late cancel hits nobody. */
  abandon(): void {
    void requestCancel(this.client, LAST_WORD_MS, () => true);
    this.release(false);
  }

  /** Back to the pool if it is certain that nothing is open on it; else it is destroyed. Once. */
  release(isClean: boolean): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#speakNoMore();
    this.client.off("end", this.#lost);
    const isWhole = isClean && !this.isLost && this.isIdle;
    this.client.release(isWhole ? undefined : true);
    if (isWhole) this.client.off("error", this.#lost);
  }
}
