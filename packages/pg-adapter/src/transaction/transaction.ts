import type { Call, Said } from "@breakwater/core";
import type { PoolClient } from "pg";
import { judgePgError, sqlStateOf } from "../classify/judge.js";
import { markPhase } from "../classify/phases.js";
import { pgRules } from "../classify/rules.js";
import { markOf, outcomeOf, type TransactionMark } from "./commit-status.js";
import { CommitUnknownError, endedInside, rolledBack } from "./errors.js";
import { LentClient } from "./lent-client.js";
import { beginOf, type TransactionOptions } from "./options.js";
import { Session } from "./session.js";
import type { Source } from "./source.js";
import { orAborted } from "./waits.js";

/** What runs in a transaction. */
export type TransactionFunction<T> = (client: PoolClient, call: Call) => T | PromiseLike<T>;

/** By these the server says itself that it does not know. */
const UNKNOWN_TO_SERVER: ReadonlySet<string | undefined> = new Set(["08007", "40003"]);

/** One call of `withTransaction`: as many attempts as its policy allows, each from BEGIN to COMMIT. */
export class Transaction<T> {
  readonly #source: Source;
  readonly #fn: TransactionFunction<T>;
  readonly #options: TransactionOptions;
  /** What the errors mean that attempts ended with. */
  readonly #meanings = new Map<unknown, Said>();
  /** Of an attempt whose COMMIT is on its way. */
  #committing: Partial<TransactionMark> | undefined = undefined;

  constructor(source: Source, fn: TransactionFunction<T>, options: TransactionOptions) {
    this.#source = source;
    this.#fn = fn;
    this.#options = options;
  }

  async run(): Promise<Awaited<T>> {
    const { signal, key, deadlineMs, maxAttempts, idempotent = false } = this.#options;
    try {
      return await this.#source.policy.execute((call) => this.#attempt(call), {
        signal,
        key,
        deadlineMs,
        maxAttempts: maxAttempts ?? this.#source.maxAttempts,
        idempotent,
        classify: { error: (error) => this.#meanings.get(error) },
      });
    } catch (error) {
      if (this.#committing === undefined) throw error;
      throw new CommitUnknownError(error, this.#committing.xid ?? undefined); // time was up in the middle of it
    }
  }

  async #attempt(call: Call): Promise<Awaited<T>> {
    const session = await this.#begin(call.signal);
    const value = await this.#work(session, call);
    await this.#commit(session, call.signal);
    return value;
  }

  /** Nothing has happened yet: another connection will do as well. */
  async #begin(signal: AbortSignal): Promise<Session> {
    let session: Session | undefined;
    try {
      session = new Session(await this.#source.connect(signal));
      await orAborted(signal, session.say(beginOf(this.#options)));
      return session;
    } catch (error) {
      session?.release(false);
      markPhase(error, "acquire");
      this.#meanings.set(error, pgRules.error?.(error));
      throw error;
    }
  }

  /** The user's function; what it throws rolls the transaction back. */
  async #work(session: Session, call: Call): Promise<Awaited<T>> {
    const lent = new LentClient(session);
    try {
      return await orAborted(call.signal, this.#runOn(lent.client, call));
    } catch (error) {
      lent.isOpen = false;
      if (call.signal.aborted) session.abandon();
      else session.release(await session.rollBack());
      throw this.#undone(error, session);
    } finally {
      lent.isOpen = false;
    }
  }

  async #runOn(client: PoolClient, call: Call): Promise<Awaited<T>> {
    return await this.#fn(client, call);
  }

  async #commit(session: Session, signal: AbortSignal): Promise<void> {
    if (session.isIdle) {
      session.release(true);
      throw this.#undone(endedInside(), session);
    }
    const mark = await this.#mark(session);
    const committing = { ...mark };
    this.#committing = committing;
    try {
      await this.#sendCommit(session, mark, signal);
    } finally {
      if (this.#committing === committing) this.#committing = undefined;
    }
  }

  async #mark(session: Session): Promise<TransactionMark | undefined> {
    if (this.#options.resolveCommit !== true) return undefined;
    try {
      return await markOf(session);
    } catch (error) {
      session.release(await session.rollBack());
      throw this.#undone(error, session);
    }
  }

  async #sendCommit(
    session: Session,
    mark: TransactionMark | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    let command: string;
    try {
      ({ command } = await session.commit(signal));
    } catch (error) {
      return this.#commitFailed(error, session, mark, signal);
    }
    session.release(true);
    if (command !== "COMMIT") throw this.#undone(rolledBack(session.brokenBy), session);
  }

  async #commitFailed(
    error: unknown,
    session: Session,
    mark: TransactionMark | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const isKnown = await refusedByServer(error, session);
    session.release(isKnown);
    if (isKnown || this.#hasNothingToLose(mark)) throw this.#undone(error, session);
    const outcome = mark === undefined ? "unknown" : await outcomeOf(mark, this.#source, signal);
    if (outcome === "aborted") throw this.#undone(error, session);
    if (outcome === "unknown") throw this.#unknown(error, mark);
  }

  #hasNothingToLose(mark: TransactionMark | undefined): boolean {
    return this.#options.readOnly === true || mark?.xid === null;
  }

  /**
   * Certainly without effect. Whether it is worth repeating says the error of the connection that is behind it; an error
   * that the function made up itself is nobody's fault here.
   */
  #undone(error: unknown, session: Session): unknown {
    const phase = this.#options.readOnly === true ? "read only" : "transaction";
    const own = session.hasGivenUpOn(error) ? undefined : session.ownErrorIn(error);
    const judged = judgePgError(own, phase);
    const nobodysFault = session.isLost ? "ignored" : "permanent";
    const otherwise: Said = own === undefined ? nobodysFault : undefined; // the default rules know
    const said: Said = judged && { ...judged, unsent: judged.verdict !== "timeout" };
    this.#meanings.set(error, said ?? otherwise);
    return error;
  }

  #unknown(cause: unknown, mark: TransactionMark | undefined): unknown {
    const error = new CommitUnknownError(cause, mark?.xid ?? undefined);
    this.#meanings.set(error, judgePgError(cause, "transaction")?.verdict ?? "transient");
    return error;
  }
}

/** It said no to COMMIT, and goes on to answer: a lost connection, or a server that went down, does not. */
async function refusedByServer(error: unknown, session: Session): Promise<boolean> {
  const code = sqlStateOf(error);
  return code !== undefined && !UNKNOWN_TO_SERVER.has(code) && (await session.rollBack());
}
