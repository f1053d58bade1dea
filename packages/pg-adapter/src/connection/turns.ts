import type { Session } from "./session.js";

/** Begins something, and says when the next may begin. */
type Begin = (done: () => void) => void;

/**
 * One statement of a client after the other. pg has a queue of its own, but who waits in it cannot be told from who runs:
 * the time limit of the one would have the other cancelled.
 */
export class Turns {
  readonly #session: Session;
  readonly #waiting: Begin[] = [];
  #isTaken = false;
  #listens = false;

  constructor(session: Session) {
    this.#session = session;
  }

  /** At once where nothing runs. */
  take(begin: Begin): void {
    if (!this.#isTaken && this.#waiting.length === 0 && this.#isFree) return this.#begin(begin);
    this.#waiting.push(begin);
    this.#next();
  }

  get #isFree(): boolean {
    return this.#session.isReady || this.#session.isGone;
  }

  #begin(begin: Begin): void {
    this.#isTaken = true;
    begin(() => {
      this.#isTaken = false;
      this.#next();
    });
  }

  /** A cursor that runs has taken no turn. */
  #next(): void {
    if (this.#isTaken || this.#listens || this.#waiting.length === 0) return;
    this.#listens = true;
    this.#session.whenReady(() => {
      this.#listens = false;
      const begin = this.#isTaken ? undefined : this.#waiting.shift();
      if (begin !== undefined) this.#begin(begin);
    });
  }
}
