import { clock, type Timer } from "../time/clock.js";
import type { Place } from "./plan.js";
import { Drained, refusalError } from "./refusals.js";
import type { WaitingCall, WaitsFor } from "./work.js";

/** Where it depends on the attempts that run when there is room again, it is looked for so often. */
const LOOK_EVERY_MS = 10;
/** However long a guard is sure to say no: it may be retuned or reset meanwhile. */
const LOOK_AT_LEAST_EVERY_MS = 1_000;

/**
 * Who waits until the guards of a place would let an attempt in, first in, first out. As many are let go at once as
 * would be admitted; the next ones follow once those have had the time to begin. It promises nobody admission.
 */
export class Readiness {
  readonly #place: Place;
  readonly #expectants = new Set<Expectant>();
  #timer: Timer | undefined = undefined;
  #letGo = 0;
  #letGoAtMs = -Infinity;
  /** Attempts that had begun by then. */
  #begunThen = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Resolves in its turn; rejects with the signal's reason, at once. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const expectant = new Expectant(this.#place, signal, this.#leaving, resolve, reject);
      this.#expectants.add(expectant);
      expectant.overridden();
      if (this.#expectants.size > 0 && this.#timer === undefined) this.#look();
    });
  }

  readonly #leaving = (expectant: Expectant): void => {
    this.#expectants.delete(expectant);
    if (this.#expectants.size > 0) return;
    clock.clearTimer(this.#timer);
    this.#timer = undefined;
  };

  #look(): void {
    const { guards } = this.#place;
    this.#letGoFirst(Math.min(...guards.map((guard) => guard.slots())) - this.#coming);
    if (this.#expectants.size === 0) return;
    const waitMs = Math.max(LOOK_EVERY_MS, ...guards.map((guard) => guard.waitMs()));
    this.#timer = clock.setTimer(() => this.#look(), Math.min(waitMs, LOOK_AT_LEAST_EVERY_MS));
  }

  #letGoFirst(slots: number): void {
    const first = [...this.#expectants].slice(0, Math.max(0, slots));
    if (first.length === 0) return;
    this.#letGo = this.#coming + first.length;
    this.#letGoAtMs = clock.read();
    this.#begunThen = this.#place.plan.counters.begun;
    for (const expectant of first) expectant.ready();
  }

  /** Who was let go a moment ago and has not begun yet: what room there seems to be is theirs. */
  get #coming(): number {
    if (clock.read() - this.#letGoAtMs >= LOOK_EVERY_MS) return 0;
    return Math.max(0, this.#letGo - (this.#place.plan.counters.begun - this.#begunThen));
  }
}

/** Somebody who waits until an attempt may be admitted. */
class Expectant implements WaitingCall {
  readonly #place: Place;
  readonly #signal: AbortSignal | undefined;
  readonly #leaving: (expectant: Expectant) => void;
  readonly #resolve: () => void;
  readonly #reject: (reason: unknown) => void;

  constructor(
    place: Place,
    signal: AbortSignal | undefined,
    leaving: (expectant: Expectant) => void,
    resolve: () => void,
    reject: (reason: unknown) => void,
  ) {
    this.#place = place;
    this.#signal = signal;
    this.#leaving = leaving;
    this.#resolve = resolve;
    this.#reject = reject;
    place.plan.work.waits(this);
    signal?.addEventListener("abort", this, { once: true });
  }

  ready(): void {
    this.#leave();
    this.#resolve();
  }

  handleEvent(): void {
    this.#leave();
    this.#reject(this.#signal?.reason);
  }

  drain(): WaitsFor {
    this.#leave();
    this.#reject(refusalError(this.#place, new Drained(this.#place.plan.policy)));
    return "ready";
  }

  overridden(): void {
    const { plan, key } = this.#place;
    const block = plan.work.blockAt(key, clock.now());
    if (block === undefined && plan.work.isBypassed(key)) return this.ready();
    if (block === undefined) return;
    this.#leave();
    this.#reject(refusalError(this.#place, block));
  }

  #leave(): void {
    this.#signal?.removeEventListener("abort", this);
    this.#place.plan.work.waitsNoLonger(this);
    this.#leaving(this);
  }
}
