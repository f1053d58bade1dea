import { type Pass, Refusal, Waiter } from "./guard.js";

/** Whoever hands out what is waited for. */
export interface QueueHome {
  /** Somebody was given it who had just given up. */
  giveBack(): void;
}

/** First in, first out, and nobody overtakes. A place is left at once by who gives it up. */
export class Queue {
  readonly #places = new Set<Place>();

  get length(): number {
    return this.#places.size;
  }

  join<P extends Place>(place: P): P {
    this.#places.add(place);
    return place;
  }

  leave(place: Place): boolean {
    return this.#places.delete(place);
  }

  /** Gives the first in line what it waits for. */
  grant(pass: Pass): void {
    const [first] = this.#places;
    first?.end(pass);
  }

  refuseAll(refusal: Refusal): void {
    for (const place of this.#places) place.end(refusal);
  }
}

/** A place in a queue. */
export class Place extends Waiter {
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
