import { setTimeout as pause } from "node:timers/promises";
import { judgePgError } from "../classify/judge.js";
import type { LockSource } from "../lock/connection.js";
import { within } from "../transaction/waits.js";
import { type Row, Session } from "./session.js";

const IDLE_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * A connection of our own, not one of the pool: letters are written when the database or the pool is in trouble, and
 * neither should wait for the other then. No policy stands before it either: it would shed, count or drain just these
 * statements. So it repeats by itself, which is safe with all that is said here, and it is one connection however many
 * letters there are: that is all that a database which comes back hears of us.
 *
 * Opened when needed, closed when not; a process stays alive for what is being said, and for nothing else. Nothing is set
 * in the session before it claims, as a pooler would hand that on to others.
 */
export class Line {
  readonly #source: LockSource;
  readonly #deadlineMs: number;
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;
  /** What is being said. */
  #busy = 0;
  /** Claims that stand. */
  #held = 0;
  #idleTimer: NodeJS.Timeout | undefined = undefined;

  constructor(source: LockSource, deadlineMs: number) {
    this.#source = source;
    this.#deadlineMs = deadlineMs;
  }

  ask(text: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    return this.#patiently((session) => session.ask(text, values));
  }

  /** For a claim: what is marked with `owner` is held as long as that session lives. The line stays open until `letGo`. */
  async askAsOwner(
    text: string,
    valuesOf: (owner: string) => readonly unknown[],
  ): Promise<{ readonly owner: string; readonly rows: readonly Row[] }> {
    this.#held++;
    try {
      return await this.#patiently(async (session) => {
        await session.becomeOwner();
        return { owner: session.owner, rows: await session.ask(text, valuesOf(session.owner)) };
      });
    } catch (error) {
      this.letGo();
      throw error;
    }
  }

  letGo(): void {
    this.#held--;
    this.#rest();
  }

  /** Again and again while it is the connection that fails, until time is up. */
  async #patiently<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const untilMs = performance.now() + this.#deadlineMs;
    this.#wake();
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#once(work, untilMs);
        } catch (error) {
          const pauseMs = pauseAfter(attempt);
          if (!isPassing(error) || performance.now() + pauseMs >= untilMs) throw error;
          await pause(pauseMs);
        }
      }
    } finally {
      this.#busy--;
      this.#rest();
    }
  }

  async #once<T>(work: (session: Session) => Promise<T>, untilMs: number): Promise<T> {
    const session = await this.#before(untilMs, this.#current());
    try {
      return await this.#before(untilMs, work(session));
    } catch (error) {
      const connection = judgePgError(error, "acquire")?.connection;
      if (connection !== "kept") session.abandon(connection === undefined);
      throw error;
    }
  }

  #before<T>(untilMs: number, promise: Promise<T>): Promise<T> {
    const late = `the database has not answered within ${this.#deadlineMs} ms (deadlineMs)`;
    return within(untilMs - performance.now(), promise, late);
  }

  #current(): Promise<Session> {
    if (this.#session?.isGone === false) return Promise.resolve(this.#session);
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(): Promise<Session> {
    this.#session = await Session.open(this.#source, this.#deadlineMs);
    if (this.#busy === 0) this.#rest(); // too late for who asked
    return this.#session;
  }

  #wake(): void {
    this.#busy++;
    clearTimeout(this.#idleTimer);
    this.#session?.keepAlive(true);
  }

  #rest(): void {
    if (this.#busy > 0) return;
    this.#session?.keepAlive(false);
    clearTimeout(this.#idleTimer);
    if (this.#held === 0)
      this.#idleTimer = setTimeout(() => void this.#session?.close(), IDLE_MS).unref();
  }
}

/** Worth another try: the connection, a failover, a conflict, a server that is full or restarting. */
function isPassing(error: unknown): boolean {
  const verdict = judgePgError(error, "acquire")?.verdict;
  return verdict === "transient" || verdict === "throttled" || verdict === "timeout";
}

/** Many processes find the database gone at the same moment; they need not come back in one. */
function pauseAfter(attempt: number): number {
  const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  return longestMs * (0.5 + Math.random() / 2);
}
