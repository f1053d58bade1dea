import type { ResilienceEvent } from "./catalog.js";

type Delivery = {
  readonly listener: (event: ResilienceEvent) => unknown;
  readonly event: ResilienceEvent;
  readonly failed: (error: unknown) => void;
};

// One queue for the process: what happened first is heard first, also across policies that share a breaker.
let queue: Delivery[] = [];

/** Calls `listener` in a microtask. What it throws or rejects goes to `failed` and nowhere else. */
export function deliverSoon(
  listener: Delivery["listener"],
  event: ResilienceEvent,
  failed: Delivery["failed"],
): void {
  if (queue.push({ listener, event, failed }) === 1) queueMicrotask(deliver);
}

function deliver(): void {
  try {
    for (let next = 0; next < queue.length; next++) deliverOne(queue[next] as Delivery);
  } finally {
    queue = [];
  }
}

function deliverOne({ listener, event, failed }: Delivery): void {
  try {
    const result = listener(event);
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}
