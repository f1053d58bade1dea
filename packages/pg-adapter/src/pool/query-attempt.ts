import type { PoolClient, QueryResult } from "pg";
import { markPhase } from "../classify/phases.js";
import { Acquisition } from "./acquire.js";
import type { Guarded } from "./guarded.js";
import type { Answered } from "../connection/inside.js";
import { submitStatement } from "../query/submit.js";
import { inReadOnly } from "../query/read-only.js";
import { type Cancelled, Running, type StatementOwner } from "../query/running.js";
import { phaseOfStatement, type Statement } from "../query/statement.js";

/** What one attempt of a statement is made with. */
export interface AttemptOf {
  readonly statement: Statement;
  readonly isReadOnly: boolean;
  readonly statementMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** One attempt of `pool.query`: a connection is acquired, the statement is submitted, the connection goes back. */
export class QueryAttempt implements StatementOwner {
  readonly #guarded: Guarded;
  readonly #of: AttemptOf;
  readonly #resolve: (result: QueryResult) => void;
  readonly #reject: (error: unknown) => void;
  #acquisition: Acquisition | undefined = undefined;
  #client: PoolClient | undefined = undefined;
  #release: (error?: unknown) => void = () => {};

  constructor(
    guarded: Guarded,
    of: AttemptOf,
    resolve: (result: QueryResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.#guarded = guarded;
    this.#of = of;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(): void {
    const { signal } = this.#of;
    if (signal?.aborted === true) return this.#reject(signal.reason);
    this.#acquisition = this.#guarded.acquire((error, client, release) => {
      signal?.removeEventListener("abort", this);
      if (client === undefined) return this.#notAcquired(error);
      this.#client = client;
      this.#release = release;
      this.#run(client);
    });
    if (this.#client === undefined) signal?.addEventListener("abort", this, { once: true });
  }

  /** While it waits for a connection. */
  handleEvent(): void {
    this.#acquisition?.giveUp(this.#of.signal?.reason);
  }

  ended(error: Error | null | undefined, result: QueryResult): void {
    if (!error) {
      this.#guarded.takeBack(this.#client as PoolClient, this.#release, undefined);
      return this.#resolve(result);
    }
    const phase = phaseOfStatement(this.#of.statement, this.#of.isReadOnly);
    markPhase(error, phase);
    this.#guarded.takeBack(this.#client as PoolClient, this.#release, error);
    this.#reject(error);
  }

  gaveUp(error: unknown): void {
    this.#reject(error);
  }

  settled(error: unknown, cancelled: Cancelled): void {
    this.#guarded.cancelled(cancelled, error);
    this.#guarded.takeBack(this.#client as PoolClient, this.#release, undefined);
  }

  #notAcquired(error: Error | undefined): void {
    markPhase(error, "acquire");
    this.#guarded.failedToConnect(error);
    this.#reject(error);
  }

  #run(client: PoolClient): void {
    const { statement, statementMs, signal, isReadOnly } = this.#of;
    const submit = this.#guarded.submitOf(client);
    const limits = this.#guarded.limitsFor(statementMs, signal);
    const send = (answered: Answered): void => submitStatement(submit, statement, answered);
    const running = new Running(client, submit, limits, this);
    this.#guarded.runs(client, running);
    running.begin(isReadOnly ? (answered) => inReadOnly(submit, send, answered) : send);
  }
}
