import { BreakwaterError, type Lane, type Wait } from "@breakwater/core";
import type { PoolClient, QueryResult } from "pg";
import { settle } from "../cancel/settle.js";
import { sessionOf } from "../connection/session.js";
import type { Answered, Submit } from "../connection/inside.js";

/** Whose statement it is. */
export interface StatementOwner {
  /** It has ended, and the server waits for the next one; or the connection is gone. */
  ended(error: Error | null | undefined, result: QueryResult): void;
  /** Its time is over, or its caller has gone. It may still run. */
  gaveUp(error: unknown): void;
  /** After that: the connection is good for the next statement, or has been cut. */
  settled(error: unknown, cancel: Cancelled): void;
}

/** How a statement was given up. */
export interface Cancelled {
  readonly by: "timeout" | "abort";
  readonly kept: boolean;
  readonly tookMs: number;
}

/** How long it may run, and who may give it up. */
export interface StatementLimits {
  readonly policy: string;
  readonly statementMs: number | undefined;
  /** Where it waits for the end of that time. */
  readonly lane: Lane | undefined;
  readonly cancelMs: number;
  readonly signal: AbortSignal | undefined;
}

/** One statement on one connection, until that can be used again. */
export class Running implements Wait {
  next: Wait | undefined = undefined;
  previous: Wait | undefined = undefined;
  dueMs = 0;
  readonly #client: PoolClient;
  readonly #submit: Submit;
  readonly #limits: StatementLimits;
  readonly #owner: StatementOwner;
  #isOver = false;
  /** Once it has been given up. */
  #endedLate: (() => void) | undefined = undefined;

  constructor(client: PoolClient, submit: Submit, limits: StatementLimits, owner: StatementOwner) {
    this.#client = client;
    this.#submit = submit;
    this.#limits = limits;
    this.#owner = owner;
  }

  begin(send: (answered: Answered) => void): void {
    const { lane, signal } = this.#limits;
    lane?.add(this);
    signal?.addEventListener("abort", this, { once: true });
    try {
      send((error, result) => this.#answered(error, result));
    } catch (error) {
      this.#end(error as Error, undefined as never);
    }
  }

  expired(): void {
    void this.#giveUp("timeout", this.#timeoutError());
  }

  /** Its signal. */
  handleEvent(): void {
    this.abort(this.#limits.signal?.reason);
  }

  abort(reason: unknown): void {
    if (!this.#isOver) void this.#giveUp("abort", reason);
  }

  /** pg calls back with an error before the server is ready again. */
  #answered(error: Error | null | undefined, result: QueryResult): void {
    if (error) sessionOf(this.#client).whenReady(() => this.#end(error, result));
    else this.#end(error, result);
  }

  #end(error: Error | null | undefined, result: QueryResult): void {
    if (this.#endedLate !== undefined) return this.#endedLate();
    this.#listenNoMore();
    this.#owner.ended(error, result);
  }

  #listenNoMore(): void {
    this.#isOver = true;
    this.#limits.lane?.remove(this);
    this.#limits.signal?.removeEventListener("abort", this);
  }

  async #giveUp(by: Cancelled["by"], error: unknown): Promise<void> {
    this.#listenNoMore();
    const ended = new Promise<void>((resolve) => (this.#endedLate = resolve));
    this.#owner.gaveUp(error);
    const beganMs = performance.now();
    const kept = await settle(this.#client, this.#submit, ended, this.#limits.cancelMs);
    const tookMs = Math.round(performance.now() - beganMs);
    this.#owner.settled(error, { by, kept, tookMs });
  }

  #timeoutError(): BreakwaterError {
    const { policy, statementMs } = this.#limits;
    return new BreakwaterError(
      "ERR_ATTEMPT_TIMEOUT",
      `A statement ran longer than statementMs (${statementMs} ms) and is cancelled on the server (policy ${policy}). ` +
        "Give slow ones more: { text, resilience: { statementMs: '5m' } }.",
      { policy },
    );
  }
}
