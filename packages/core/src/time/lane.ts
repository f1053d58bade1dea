import { clock, sleepersOf, type Sleeper, type Timer } from "./clock.js";

/** A timer that fires this late means that the event loop was blocked, not that the work was slow. */
const STALL_MS = 50;

/** A place in a lane: an attempt that may run out of time, a call in a queue. A lane writes it, and nobody else. */
export interface Wait {
  next: Wait | undefined;
  previous: Wait | undefined;
  /** When it expires; 0 when it is in no lane. */
  dueMs: number;
  /** `stalledMs` is how long the loop was blocked when this expired, 0 when it was not. */
  expired(stalledMs: number): void;
}

/**
 * All waits of one duration, first in, first out, behind one timer: 8 ns a wait where a timer of its own costs 300.
 *
 * The timer keeps the process alive while somebody waits, unless the lane is in the background. An emptied lane gives it up at the ticker's next tick, not
 * at once, because making and dropping a timer per call is what a lane is there to avoid.
 */
export class Lane implements Sleeper {
  readonly #ms: number;
  readonly #isInBackground: boolean;
  #head: Wait | undefined;
  #tail: Wait | undefined;
  #timer: Timer | undefined;

  constructor(ms: number, isInBackground = false) {
    this.#ms = ms;
    this.#isInBackground = isInBackground;
  }

  /** `nowMs` is what `clock.now()` said when the wait began. */
  add(wait: Wait, nowMs: number = clock.now()): void {
    wait.dueMs = nowMs + this.#ms + clock.stalenessMs;
    wait.previous = this.#tail;
    if (this.#tail === undefined) this.#head = wait;
    else this.#tail.next = wait;
    this.#tail = wait;
    if (this.#timer === undefined) this.#arm(this.#ms + clock.stalenessMs);
  }

  remove(wait: Wait): void {
    if (wait.dueMs === 0) return;
    const { previous, next } = wait;
    if (previous === undefined) this.#head = next;
    else previous.next = next;
    if (next === undefined) this.#tail = previous;
    else next.previous = previous;
    wait.previous = wait.next = undefined;
    wait.dueMs = 0;
    if (this.#head === undefined && !clock.ticking) clock.wake();
  }

  restart(staleMs: number, nowMs: number): void {
    const stamped = staleMs + this.#ms + clock.stalenessMs;
    for (let wait = this.#tail; wait !== undefined && wait.dueMs === stamped; wait = wait.previous)
      wait.dueMs = nowMs + 1 + this.#ms; // `nowMs` is rounded down
  }

  rest(): void {
    if (this.#head === undefined) this.#disarm();
  }

  suspend(): void {
    this.#disarm();
  }

  resume(): void {
    this.#disarm();
    if (this.#head !== undefined) this.#arm(Math.max(1, this.#head.dueMs - clock.read()));
  }

  #fire(): void {
    const nowMs = clock.read();
    const lateMs = this.#head === undefined ? 0 : nowMs - this.#head.dueMs;
    // Answers may wait in the sockets, unread: they go first, and only what is still unanswered then expires.
    clock.afterInput(() => this.#expire(nowMs, lateMs < STALL_MS ? 0 : lateMs));
  }

  #expire(nowMs: number, stalledMs: number): void {
    for (let wait = this.#head; wait !== undefined && wait.dueMs <= nowMs; wait = this.#head) {
      this.remove(wait);
      wait.expired(stalledMs);
    }
    this.resume();
  }

  #arm(ms: number): void {
    const fire = (): void => this.#fire();
    this.#timer = this.#isInBackground
      ? clock.setBackgroundTimer(fire, ms)
      : clock.setTimer(fire, ms);
    sleepersOf.add(this);
  }

  #disarm(): void {
    if (this.#timer === undefined) return;
    clock.clearTimer(this.#timer);
    this.#timer = undefined;
    sleepersOf.remove(this);
  }
}

const lanes = new Map<number, Lane>();
const backgroundLanes = new Map<number, Lane>();

/**
 * The lane of a duration in milliseconds that a plan names, for the core and for adapters. A duration that only one call
 * has gets a `new Lane` of its own. `isInBackground` keeps no process alive; default false.
 *
 * @example
 * const lane = laneOf(30_000);
 * lane.add(statement); // a `Wait`: `statement.expired()` is called in 30 s
 * lane.remove(statement); // unless it has ended before
 */
export function laneOf(ms: number, isInBackground = false): Lane {
  const all = isInBackground ? backgroundLanes : lanes;
  let lane = all.get(ms);
  if (lane === undefined) all.set(ms, (lane = new Lane(ms, isInBackground)));
  return lane;
}
