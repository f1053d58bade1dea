import { type Clock, sleepersOf, type Timer } from "../../src/time/clock.js";

interface Due {
  readonly atMs: number;
  readonly fn: () => void;
}

/** A clock, and a list of microtasks, that a synchronous test moves by hand: a thousand times as fast as virtual time. */
export class HandTime implements Clock {
  readonly stalenessMs = 0;
  readonly ticking = false;
  #nowMs = 0;
  #due: Due[] = [];
  #microtasks: (() => void)[] = [];

  get timers(): number {
    return this.#due.length;
  }

  now(): number {
    return this.#nowMs;
  }

  read(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  boot(): { bootId: string; bootMs: number } {
    return { bootId: "by hand", bootMs: this.#nowMs };
  }

  setTimer(fn: () => void, ms: number): Timer {
    const due = { atMs: this.#nowMs + ms, fn };
    this.#due.push(due);
    return due;
  }

  setBackgroundTimer(fn: () => void, ms: number): Timer {
    return this.setTimer(fn, ms);
  }

  clearTimer(timer: Timer | undefined): void {
    this.#due = this.#due.filter((due) => due !== timer);
  }

  afterInput(fn: () => void): void {
    fn();
  }

  wake(): void {
    sleepersOf.rest();
  }

  /** Microtasks wait until they are told to run: much may happen before. */
  later(fn: () => void): void {
    this.#microtasks.push(fn);
  }

  tellAll(): void {
    while (this.#microtasks.length > 0) for (const fn of this.#microtasks.splice(0)) fn();
  }

  go(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#goTo(next.atMs);
      if (!this.#due.includes(next)) continue; // a microtask has cleared it
      this.clearTimer(next);
      next.fn();
    }
    this.#goTo(endMs);
  }

  /** Microtasks run before time passes. */
  #goTo(ms: number): void {
    if (ms > this.#nowMs) this.tellAll();
    this.#nowMs = ms;
  }

  #next(byMs: number): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#due)
      if (due.atMs <= byMs && (first === undefined || due.atMs < first.atMs)) first = due;
    return first;
  }
}
