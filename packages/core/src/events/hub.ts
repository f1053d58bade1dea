import { summarize } from "../errors/summary.js";
import { clock } from "../time/clock.js";
import { type Audience, type Heard, type Source, tell } from "./audience.js";
import type { ResilienceEvent } from "./catalog.js";
import { breakwaterChannel, subscribers } from "./channel.js";
import { deliverSoon } from "./delivery.js";
import { type Listener, Listeners } from "./listeners.js";

/**
 * Where the events of all policies of the process come together, for who watches all of it: the listeners of the
 * registry, and the subscribers of the diagnostics channel, who hear each event as if they had named its type.
 */
class Hub implements Audience {
  readonly #listeners = new Listeners((event, error) => this.failed(event, error));
  #stalledAtMs = -1;

  /** Subscribers come without telling us, so they are asked for here, each time. */
  get wanted(): boolean {
    return this.#listeners.any || breakwaterChannel.hasSubscribers;
  }

  on(type: Heard, listener: Listener<never>): () => void {
    return this.#listeners.on(type, listener);
  }

  hears(type: Heard): boolean {
    return this.#listeners.hears(type) || (type !== "*" && breakwaterChannel.hasSubscribers);
  }

  hear(type: Heard, event: ResilienceEvent): void {
    this.#listeners.hear(type, event);
    if (type === "*") return;
    for (const subscriber of subscribers())
      deliverSoon(subscriber, event, (error) => this.failed(event, error));
  }

  /** The loop is blocked for all policies alike: it is told once, by the first that notices. */
  stalled(noticedBy: Source, blockedMs: number): void {
    if (!this.wanted || this.#stalledAtMs === clock.now()) return;
    this.#stalledAtMs = clock.now();
    tell(this, noticedBy, "process.stalled", { blockedMs });
  }

  /** A listener that fails on the report of a failure is left alone: there is nobody left to tell. */
  failed({ type, policy }: ResilienceEvent, error: unknown): void {
    if (type !== "hook.failed")
      tell(this, { policy }, "hook.failed", { hook: "listener", error: summarize(error) });
  }
}

export const hub: Hub = new Hub();
