import { summarize } from "../errors/summary.js";
import { clock } from "../time/clock.js";
import {
  EVENTS,
  type EventDetails,
  type EventOf,
  type EventType,
  type ResilienceEvent,
} from "./catalog.js";
import { deliverSoon } from "./delivery.js";

export type Listener<E = ResilienceEvent> = (event: E) => unknown;

const FOLD_MS = 1_000;

/**
 * The listeners of one policy. Events are reports, never control flow: they are delivered in a microtask, after the
 * transition they tell of is complete and before the caller of the call that caused it goes on.
 *
 * Whoever reports asks `wanted` first, so that silence costs one field read.
 */
export class Events {
  wanted = false;
  readonly #policy: string;
  #listeners: Map<EventType | "*", Set<Registration>> | undefined;
  #refusals: Folded<"call.refused"> | undefined;
  #stalledAtMs = -1;

  constructor(policy: string) {
    this.#policy = policy;
  }

  on<T extends EventType>(type: T | "*", listener: Listener<EventOf<T>>): () => void {
    const all = (this.#listeners ??= new Map<EventType | "*", Set<Registration>>());
    const listeners = all.get(type) ?? new Set();
    const registration = { listener: listener as Listener };
    all.set(type, listeners.add(registration));
    this.wanted = true;
    return () => {
      listeners.delete(registration);
      this.wanted = [...all.values()].some(({ size }) => size > 0);
    };
  }

  emit<T extends EventType>(type: T, details: EventDetails[T]): void {
    if (!this.wanted) return;
    const named = this.#heard(type);
    const all = EVENTS[type].perCall ? undefined : this.#heard("*");
    if (named === undefined && all === undefined) return;
    const event = this.#event(type, details);
    if (all !== undefined) this.#flushRefusals();
    this.#deliver(named, event);
    this.#deliver(all, event);
  }

  /** Refusals come in storms: who names them hears each, `'*'` hears one a second with their number. */
  refused(details: Omit<EventDetails["call.refused"], "count">): void {
    if (!this.wanted) return;
    this.#deliver(
      this.#heard("call.refused"),
      this.#event("call.refused", { ...details, count: 1 }),
    );
    if (this.#heard("*") === undefined) return;
    const nowMs = clock.now();
    const sinceMs = this.#refusals?.sinceMs ?? -Infinity;
    const count = (this.#refusals?.count ?? 0) + 1;
    this.#refusals = { sinceMs, count, last: { ...details, count } };
    if (nowMs - sinceMs >= FOLD_MS) this.#flushRefusals();
  }

  /** Many attempts expire in one stall: it is told once. */
  stalled(blockedMs: number): void {
    if (this.#stalledAtMs === clock.now()) return;
    this.#stalledAtMs = clock.now();
    this.emit("process.stalled", { blockedMs });
  }

  #flushRefusals(): void {
    const folded = this.#refusals;
    if (folded === undefined || folded.count === 0) return;
    this.#refusals = { ...folded, sinceMs: clock.now(), count: 0 };
    this.#deliver(this.#heard("*"), this.#event("call.refused", folded.last));
  }

  #heard(type: EventType | "*"): ReadonlySet<Registration> | undefined {
    const listeners = this.#listeners?.get(type);
    return listeners === undefined || listeners.size === 0 ? undefined : listeners;
  }

  #event<T extends EventType>(type: T, details: EventDetails[T]): ResilienceEvent {
    const { severity } = EVENTS[type];
    return {
      type,
      policy: this.#policy,
      severity,
      at: clock.wallMs(),
      ...details,
    } as unknown as ResilienceEvent;
  }

  #deliver(listeners: ReadonlySet<Registration> | undefined, event: ResilienceEvent): void {
    if (listeners === undefined) return;
    for (const { listener } of listeners)
      deliverSoon(listener, event, (error) => this.#failed(event, error));
  }

  /** A listener that fails on the report of a failure is left alone: there is nobody left to tell. */
  #failed(event: ResilienceEvent, error: unknown): void {
    if (event.type !== "hook.failed")
      this.emit("hook.failed", { hook: "listener", error: summarize(error) });
  }
}

/** One `on`: the same function may listen twice, and each ending ends its own. */
interface Registration {
  readonly listener: Listener;
}

interface Folded<T extends EventType> {
  readonly sinceMs: number;
  readonly count: number;
  readonly last: EventDetails[T];
}
