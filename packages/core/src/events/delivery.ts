import type { ResilienceEvent } from "./catalog.js";

type Delivery = {
  readonly listener: (event: ResilienceEvent) => unknown;
  readonly event: ResilienceEvent;
  readonly failed: (error: unknown) => void;
};

// One queue for the process: what happened first is heard first, also across policies that share a breaker.
let queue: Delivery[] = [];
let delivered = 0;

/** Calls `listener` in a microtask. What it throws or rejects goes to `failed` and nowhere else. */
export function deliverSoon(
  listener: Delivery["listener"],
  event: ResilienceEvent,
  failed: Delivery["failed"],
): void {
  if (queue.push({ listener, event, failed }) === 1) queueMicrotask(deliverNow);
}

/** All that waits: also for who cannot wait for a microtask, as the process ends. */
export function deliverNow(): void {
  while (delivered < queue.length) {
    const { listener, event, failed } = queue[delivered++] as Delivery;
    callSafely(listener, event, failed);
  }
  queue = [];
  delivered = 0;
}

/** What `hook` throws or rejects goes to `failed` and nowhere else. */
export function callSafely<E>(
  hook: (event: E) => unknown,
  event: E,
  failed: (error: unknown) => void,
): void {
  try {
    const result = hook(event);
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}
