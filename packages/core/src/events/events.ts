import { summarize } from "../errors/summary.js";
import { clock } from "../time/clock.js";
import { type Audience, eventOf, type Heard, type Source, tell } from "./audience.js";
import {
  type Cohort,
  EVENTS,
  type EventDetails,
  type EventType,
  type ResilienceEvent,
} from "./catalog.js";
import { breakwaterChannel } from "./channel.js";
import { hub } from "./hub.js";
import { ears, type Listener, Listeners } from "./listeners.js";

const FOLD_MS = 1_000;

/**
 * The events of one policy, for its own listeners and for the hub. Events are reports, never control flow: they are
 * delivered in a microtask, after the transition they tell of is complete and before the caller of the call that caused
 * it goes on.
 *
 * Whoever reports asks `wanted` first, so that silence costs a few field reads.
 */
export class Events implements Audience, Source {
  readonly policy: string;
  readonly cohort: Cohort | undefined;
  readonly mode: "shadow" | undefined;
  readonly #own: Listeners;
  #refusals: Folded<"call.refused"> | undefined;
  #stalledAtMs = -1;

  constructor(policy: string, { cohort, mode, own }: Partial<OfCohort> = {}) {
    this.policy = policy;
    this.cohort = cohort;
    this.mode = mode;
    this.#own = own ?? new Listeners((event, error) => this.#failed(event, error));
  }

  /** Those of some of the policy's calls, for the same listeners. */
  of(cohort: Cohort | undefined, mode: "shadow" | undefined): Events {
    return new Events(this.policy, { cohort, mode, own: this.#own });
  }

  get wanted(): boolean {
    if (ears.count === 0 && !breakwaterChannel.hasSubscribers) return false;
    return this.#own.any || hub.wanted;
  }

  /** Whether the policy has listeners of its own. */
  get listenedTo(): boolean {
    return this.#own.any;
  }

  on(type: Heard, listener: Listener<never>): () => void {
    return this.#own.on(type, listener);
  }

  hears(type: Heard): boolean {
    return this.#own.hears(type) || hub.hears(type);
  }

  hear(type: Heard, event: ResilienceEvent): void {
    this.#own.hear(type, event);
    hub.hear(type, event);
  }

  emit<T extends EventType>(type: T, details: EventDetails[T]): void {
    if (!this.wanted) return;
    this.#tellFoldedBefore(type);
    tell(this, this, type, details);
  }

  /** What is not this policy's alone: its own listeners hear it, and the hub hears it elsewhere, once. */
  emitShared<T extends EventType>(type: T, details: EventDetails[T]): void {
    if (!this.wanted) return;
    this.#tellFoldedBefore(type);
    tell(this.#own, this, type, details);
  }

  /** Refusals come in storms: who names them hears each, `'*'` hears one a second with their number. */
  refused(details: Omit<EventDetails["call.refused"], "count">): void {
    if (!this.wanted) return;
    if (this.hears("call.refused"))
      this.hear("call.refused", eventOf(this, "call.refused", { ...details, count: 1 }));
    if (!this.hears("*")) return;
    const nowMs = clock.now();
    const sinceMs = this.#refusals?.sinceMs ?? -Infinity;
    const count = (this.#refusals?.count ?? 0) + 1;
    this.#refusals = { sinceMs, count, last: { ...details, count } };
    if (nowMs - sinceMs >= FOLD_MS) this.tellFolded();
  }

  /** Many attempts expire in one stall: it is told once. */
  stalled(blockedMs: number): void {
    if (this.#stalledAtMs === clock.now()) return;
    this.#stalledAtMs = clock.now();
    this.emitShared("process.stalled", { blockedMs });
    hub.stalled(this, blockedMs);
  }

  /** The refusals that `'*'` has not heard of yet. */
  tellFolded(): void {
    const folded = this.#refusals;
    if (folded === undefined || folded.count === 0) return;
    this.#refusals = { ...folded, sinceMs: clock.now(), count: 0 };
    if (this.hears("*")) this.hear("*", eventOf(this, "call.refused", folded.last));
  }

  #tellFoldedBefore(type: EventType): void {
    if (!EVENTS[type].perCall) this.tellFolded();
  }

  /** A listener that fails on the report of a failure is left alone: there is nobody left to tell. */
  #failed(event: ResilienceEvent, error: unknown): void {
    if (event.type !== "hook.failed")
      this.emit("hook.failed", { hook: "listener", error: summarize(error) });
  }
}

interface OfCohort {
  readonly cohort: Cohort | undefined;
  readonly mode: "shadow" | undefined;
  readonly own: Listeners;
}

interface Folded<T extends EventType> {
  readonly sinceMs: number;
  readonly count: number;
  readonly last: EventDetails[T];
}
