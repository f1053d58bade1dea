import { summarize } from "../../errors/summary.js";
import type { TripReason } from "../../events/catalog.js";
import { clock } from "../../time/clock.js";
import { random } from "../../time/random.js";
import type { Judgement } from "../../verdicts/verdict.js";
import type { Answer, Entrant } from "../guard.js";
import { Closed } from "./closed.js";
import { HalfOpen } from "./half-open.js";
import type { CircuitHome, Machine, SavedCircuit, Transition } from "./machine.js";
import { Open } from "./open.js";
import type { CircuitRules } from "./rules.js";

const OPEN_JITTER_RATIO = 0.2;

/**
 * The state machine of one dependency. The state is an object: closed, it is the pass of every attempt it admits; open,
 * it is the refusal; half-open, it hands out probes. A state that has been replaced learns nothing more, so results of
 * attempts that began before the change cannot undo it.
 *
 * States derive from timestamps: no timer, so a process that lives 50 ms behaves like one that lives a year.
 */
export class Circuit implements Machine {
  readonly home: CircuitHome;
  readonly key: string | undefined;
  state: Closed | Open | HalfOpen;
  /** Openings in a row, for the growth of the open time. */
  trips = 0;
  lastOpenMs = 0;
  longestSuccessMs = 0;

  constructor(home: CircuitHome, key?: string) {
    this.home = home;
    this.key = key;
    this.state = new Closed(this);
  }

  enter(entrant: Entrant): Answer {
    return this.state.enter(entrant);
  }

  wouldRefuse(atMs: number): boolean {
    return this.state.wouldRefuse(atMs);
  }

  slots(): number {
    return this.state.slots();
  }

  waitMs(): number {
    return this.state.waitMs();
  }

  trip(reason: TripReason, { verdict, retryAfterMs }: Judgement, outcome: unknown): void {
    const { openMs: shortestMs, maxOpenMs } = this.home.rules;
    if (!this.#remembersTrips(clock.now())) this.trips = 0;
    const grownMs = Math.min(maxOpenMs, shortestMs * 2 ** this.trips++);
    const spread = 1 + OPEN_JITTER_RATIO * (2 * random() - 1);
    const openMs = Math.round(Math.min(maxOpenMs, Math.max(grownMs * spread, retryAfterMs)));
    // A success may complete a ratio, too: what it brought is its caller's, and is not shown to others.
    const cause = verdict.retry ? summarize(outcome) : undefined;
    this.lastOpenMs = openMs;
    this.#become(new Open(this, reason, clock.now(), openMs, cause), {
      to: "open",
      reason,
      openMs,
      cause,
    });
  }

  halfOpen(): HalfOpen {
    const state = new HalfOpen(this);
    this.#become(state, { to: "half-open", probes: this.home.rules.probes });
    return state;
  }

  close(): void {
    this.#become(new Closed(this), {
      to: "closed",
      openedForMs: this.lastOpenMs,
    });
  }

  /** Closed, nothing in memory: the same as a new one. */
  isPristine(nowMs: number): boolean {
    return (
      this.state instanceof Closed && this.state.isEmpty(nowMs) && !this.#remembersTrips(nowMs)
    );
  }

  reset(): void {
    this.trips = this.lastOpenMs = this.longestSuccessMs = 0;
    this.state = new Closed(this);
  }

  /** The rules have changed; only what they mean for the present state is done here. */
  retuned(before: CircuitRules): void {
    this.state.retuned(before);
  }

  save(nowMs: number): SavedCircuit {
    return { ...this.state.save(nowMs), trips: this.trips, lastOpenMs: this.lastOpenMs };
  }

  /** Goes on where a saved circuit was, `elapsedMs` later. Half-open goes on as open with its time over. */
  restore(saved: SavedCircuit, elapsedMs: number): void {
    const nowMs = clock.now();
    this.trips = saved.trips;
    this.lastOpenMs = Math.min(saved.lastOpenMs, this.home.rules.maxOpenMs);
    if (saved.state === "closed") this.state = Closed.restored(this, saved, nowMs - elapsedMs);
    else this.state = Open.restored(this, saved, nowMs, elapsedMs);
  }

  /** Once it has been closed for as long as the last opening was, the next one is short again. */
  #remembersTrips(nowMs: number): boolean {
    const closedLongEnough =
      this.state instanceof Closed && nowMs - this.state.sinceMs >= this.lastOpenMs;
    return this.trips > 0 && !closedLongEnough;
  }

  #become(state: Closed | Open | HalfOpen, transition: Transition): void {
    this.state = state;
    this.home.changed(this, transition);
  }
}
