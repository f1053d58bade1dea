import { Whereabouts } from "../call/whereabouts.js";
import { type Clock, sleepersOf, type Timer, useClock } from "../time/clock.js";
import { seededRandom, useRandom } from "../time/random.js";
import { systemClock } from "../time/system-clock.js";

// A turn of the real loop empties the microtask queue; fake timers, when they are in use, must not stand still for it.
const nextTurn = globalThis.setImmediate;

/** Time that passes when a test says so. */
export interface VirtualClock extends Disposable {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** What the wall clock shows; set it to make it jump. */
  wallMs: number;
  /** Lets `ms` pass: runs what falls due in its order, and everything that follows from it, before the next. */
  advance(ms: number): Promise<void>;
  /** Lets as much time pass as the promise takes to settle, and settles like it. */
  run<T>(promise: PromiseLike<T>): Promise<T>;
  /** Back to real time; what has been waited for goes on waiting there. */
  restore(): void;
}

let installed: VirtualTime | undefined;

/**
 * Puts every policy of the process on virtual time, also those that exist already, and gives it chance that repeats.
 *
 * Only Breakwater's own waits are virtual: timeouts, backoffs, openings. A task that sleeps by itself sleeps for real;
 * use `scriptedTask`, or your test runner's fake timers beside this.
 *
 * @param options.seed for jitter, idempotency keys and everything else by chance; default 1.
 * @throws Error while another virtual clock is installed.
 * @example
 * using clock = installVirtualClock({ seed: 42 });
 * const result = policy.execute(task);
 * await clock.advance(1_000);
 */
export function installVirtualClock({ seed = 1 }: { readonly seed?: number } = {}): VirtualClock {
  if (installed !== undefined)
    throw new Error("A virtual clock is installed already: restore() it first.");
  installed = new VirtualTime(systemClock.read(), systemClock.wallMs());
  useClock(installed.clock);
  useRandom(seededRandom(seed));
  return installed;
}

class VirtualTime implements VirtualClock {
  readonly clock: ManualClock;

  constructor(nowMs: number, wallMs: number) {
    this.clock = new ManualClock(nowMs, wallMs);
  }

  get nowMs(): number {
    return this.clock.read();
  }

  get wallMs(): number {
    return this.clock.wallMs();
  }

  set wallMs(ms: number) {
    this.clock.setWall(ms);
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await settled();
    while (this.clock.fireNext(endMs)) await settled();
    this.clock.goTo(endMs);
    await settled();
  }

  async run<T>(promise: PromiseLike<T>): Promise<T> {
    let pending = true;
    const end = (): void => void (pending = false);
    promise.then(end, end);
    for (;;) {
      await settled();
      if (!pending) return promise;
      if (this.clock.fireNext(Infinity)) continue;
      throw new Error(
        "The promise waits for something that no virtual time brings: a timer of its own, or nothing.",
      );
    }
  }

  restore(): void {
    if (installed !== this) return;
    installed = undefined;
    systemClock.continueFrom(this.nowMs);
    useClock(systemClock);
    useRandom();
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}

interface Due {
  readonly atMs: number;
  readonly fn: () => void;
}

class ManualClock implements Clock {
  readonly stalenessMs = 0;
  readonly ticking = false;
  #nowMs: number;
  #wallMs: number;
  #due: Due[] = [];

  constructor(nowMs: number, wallMs: number) {
    this.#nowMs = nowMs;
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#nowMs;
  }

  read(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  setWall(ms: number): void {
    this.#wallMs = ms;
  }

  boot(): { bootId: string; bootMs: number } {
    return { bootId: "virtual", bootMs: this.#nowMs };
  }

  /** As a timer of Node's does, it fires in the asynchronous context that it was made in. */
  setTimer(fn: () => void, ms: number): Timer {
    const whereabouts = new Whereabouts();
    const due = { atMs: this.#nowMs + ms, fn: () => whereabouts.goOn(fn) };
    const later = this.#due.findIndex(({ atMs }) => atMs > due.atMs);
    this.#due.splice(later === -1 ? this.#due.length : later, 0, due);
    return due;
  }

  setBackgroundTimer(fn: () => void, ms: number): Timer {
    return this.setTimer(fn, ms);
  }

  clearTimer(timer: Timer | undefined): void {
    this.#due = this.#due.filter((due) => due !== timer);
  }

  /** Virtual time brings no input. */
  afterInput(fn: () => void): void {
    fn();
  }

  wake(): void {
    sleepersOf.rest();
  }

  goTo(ms: number): void {
    this.#wallMs += ms - this.#nowMs;
    this.#nowMs = ms;
  }

  /** Goes to the next timer that is due by then, and fires it. */
  fireNext(byMs: number): boolean {
    const [next] = this.#due;
    if (next === undefined || next.atMs > byMs) return false;
    this.#due.shift();
    this.goTo(next.atMs);
    next.fn();
    return true;
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => void nextTurn(resolve));
}
