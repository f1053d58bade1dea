import { clock } from "../../time/clock.js";
import { Lane, laneOf, type Wait } from "../../time/lane.js";
import type { Refusal } from "../guard.js";
import { Place, type Queue, type QueueHome } from "../queue.js";

/** The room, as a place in its queue sees it. */
export interface CrowdedRoom extends QueueHome {
  readonly queueWaitMs: number;
  readonly tooLate: Refusal;
  /** There may be room after all: permits that nobody has asked for since they were abandoned. */
  giveUpAbandoned(): void;
}

/** A place in the queue of a room: who waits longer than it may is refused. */
export class PlaceForAWhile extends Place implements Wait {
  next: Wait | undefined = undefined;
  previous: Wait | undefined = undefined;
  dueMs = 0;
  readonly #room: CrowdedRoom;
  readonly #lane: Lane;

  /** A wait that a deadline cuts short is of this call alone, so it gets a lane of its own. */
  constructor(queue: Queue, room: CrowdedRoom, mostWaitMs: number) {
    super(queue, room);
    this.#room = room;
    this.#lane =
      mostWaitMs < room.queueWaitMs ? new Lane(Math.max(1, mostWaitMs)) : laneOf(room.queueWaitMs);
    this.#lane.add(this, clock.now());
  }

  expired(): void {
    this.#room.giveUpAbandoned();
    this.end(this.#room.tooLate);
  }

  protected override leave(): boolean {
    this.#lane.remove(this);
    return super.leave();
  }
}
