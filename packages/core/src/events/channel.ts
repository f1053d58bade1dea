import { channel } from "node:diagnostics_channel";
import type { ResilienceEvent } from "./catalog.js";

type Subscriber = (event: ResilienceEvent) => unknown;

/** The diagnostics channel `breakwater`. Held here, as Node.js would forget one that nobody holds or subscribes to. */
export const breakwaterChannel = channel("breakwater");

/**
 * Who subscribes now. `publish` would make an uncaught exception of what one of them throws, and that ends the process;
 * so we call them ourselves, as listeners. Where a Node.js does not show them, `publish` is what is left.
 */
export function subscribers(): readonly Subscriber[] {
  if (!breakwaterChannel.hasSubscribers) return [];
  const { _subscribers: shown } = breakwaterChannel as { readonly _subscribers?: unknown };
  return Array.isArray(shown)
    ? shown.map(asListener)
    : [(event) => breakwaterChannel.publish(event)];
}

function asListener(subscriber: (message: unknown, name: string | symbol) => unknown): Subscriber {
  return (event) => subscriber(event, breakwaterChannel.name);
}
