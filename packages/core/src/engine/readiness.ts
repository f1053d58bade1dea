import { clock, type Timer } from "../time/clock.js";
import type { Place } from "./plan.js";
import { Drained, refusalError } from "./refusals.js";
import type { WaitingCall, WaitsFor } from "./work.js";

/** Where it depends on the attempts that run when there is room again, it is looked for so often. */
const LOOK_EVERY_MS = 10;

/**
 * Who waits until the guards of a place would let an attempt in, first in, first out. As many are let go at once as
 * would be admitted; the next ones follow once those have had the time to begin. It promises nobody admission.
 */
export class Readiness {
  readonly #place: Place;
  readonly #expectants = new Set<Expectant>();
  #timer: Timer | undefined = undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Resolves in its turn; rejects with the signal's reason, at once. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      this.#expectants.add(new Expectant(this.#place, signal, this.#leaving, resolve, reject));
      if (this.#timer === undefined) this.#look();
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
    let slots = Math.min(...guards.map((guard) => guard.slots()));
    for (const expectant of this.#expectants) if (slots-- > 0) expectant.ready();
    if (this.#expectants.size === 0) return;
    const waitMs = Math.max(LOOK_EVERY_MS, ...guards.map((guard) => guard.waitMs()));
    this.#timer = clock.setTimer(() => this.#look(), waitMs);
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

  #leave(): void {
    this.#signal?.removeEventListener("abort", this);
    this.#place.plan.work.waitsNoLonger(this);
    this.#leaving(this);
  }
}
