import { clock } from "../../time/clock.js";
import { Lane, laneOf, type Wait } from "../../time/lane.js";
import { type Pass, Refusal, Waiter } from "../guard.js";

/**
 * First in, first out, and nobody overtakes. A place is left at once by who gives it up; who waits longer than it may is
 * refused.
 */
export class Queue {
  readonly #places = new Set<Place>();

  get length(): number {
    return this.#places.size;
  }

  join(mostWaitMs: number, room: QueueHome): Waiter {
    const place = new Place(this, room);
    this.#places.add(place);
    place.waitAtMost(mostWaitMs, room.queueWaitMs);
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

  /** Nobody gets a turn any more. */
  refuseAll(refusal: Refusal): void {
    for (const place of [...this.#places]) place.end(refusal);
  }
}

/** The room, as a place in its queue sees it. */
export interface QueueHome {
  readonly queueWaitMs: number;
  readonly tooLate: Refusal;
  /** A permit was granted to who had just given up. */
  giveBack(): void;
}

/** A place in the queue, and in the lane of its longest wait. */
class Place extends Waiter implements Wait {
  next: Wait | undefined = undefined;
  previous: Wait | undefined = undefined;
  dueMs = 0;
  readonly #queue: Queue;
  readonly #room: QueueHome;
  #lane: Lane | undefined = undefined;
  #isGranted = false;
  #isOver = false;

  constructor(queue: Queue, room: QueueHome) {
    super();
    this.#queue = queue;
    this.#room = room;
  }

  /** A wait that a deadline cuts short is of this call alone, so it gets a lane of its own. */
  waitAtMost(mostWaitMs: number, queueWaitMs: number): void {
    this.#lane = mostWaitMs < queueWaitMs ? new Lane(Math.max(1, mostWaitMs)) : laneOf(queueWaitMs);
    this.#lane.add(this, clock.now());
  }

  expired(): void {
    this.end(this.#room.tooLate);
  }

  /** The answer is known now, and told in a turn of its own: what begins then must not begin inside of what ends here. */
  end(answer: Pass | Refusal): void {
    if (!this.#leave()) return;
    this.#isGranted = !(answer instanceof Refusal);
    queueMicrotask(() => this.#tell(answer));
  }

  giveUp(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave();
    if (this.#isGranted) this.#room.giveBack();
  }

  #tell(answer: Pass | Refusal): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.ready(answer);
  }

  #leave(): boolean {
    this.#lane?.remove(this);
    return this.#queue.leave(this);
  }
}
