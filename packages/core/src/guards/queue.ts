import { type Pass, Refusal, Waiter } from "./guard.js";

/** Whoever hands out what is waited for. */
export interface QueueHome {
  /** Somebody was given it who had just given up. */
  giveBack(): void;
}

/**
 * First in, first out, and nobody overtakes. A place is left at once by who gives it up. It is a list of its own, as a
 * `Set` keeps holes where its first ones were: to empty a long one from its front takes quadratic time.
 */
export class Queue<P extends Place = Place> {
  length = 0;
  #first: P | undefined = undefined;
  #last: P | undefined = undefined;

  join(place: P): P {
    place.isQueued = true;
    place.ahead = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.behind = place;
    this.#last = place;
    this.length++;
    return place;
  }

  leave(place: P): boolean {
    if (!place.isQueued) return false;
    const { ahead, behind } = place as { ahead: P | undefined; behind: P | undefined };
    if (ahead === undefined) this.#first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    place.isQueued = false;
    place.ahead = place.behind = undefined;
    this.length--;
    return true;
  }

  /** Gives the first in line what it waits for. */
  grant(pass: Pass): void {
    this.#first?.end(pass);
  }

  /** In their order; a place may leave while it is looked at. */
  *[Symbol.iterator](): Iterator<P> {
    let place = this.#first;
    while (place !== undefined) {
      const behind = place.behind as P | undefined;
      yield place;
      place = behind;
    }
  }
}

/** A place in a queue. */
export class Place extends Waiter {
  /** Written by the queue, and by nobody else. */
  isQueued = false;
  ahead: Place | undefined = undefined;
  behind: Place | undefined = undefined;
  readonly #queue: Queue;
  readonly #home: QueueHome;
  #isGranted = false;
  #isOver = false;

  constructor(queue: Queue, home: QueueHome) {
    super();
    this.#queue = queue;
    this.#home = home;
  }

  /** The answer is known now, and told in a turn of its own: what begins then must not begin inside of what ends here. */
  end(answer: Pass | Refusal): void {
    if (!this.leave()) return;
    this.#isGranted = !(answer instanceof Refusal);
    queueMicrotask(() => this.#tell(answer));
  }

  giveUp(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.leave();
    if (this.#isGranted) this.#home.giveBack();
  }

  /** Whether it was still in the queue. */
  protected leave(): boolean {
    return this.#queue.leave(this);
  }

  #tell(answer: Pass | Refusal): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.ready(answer);
  }
}
