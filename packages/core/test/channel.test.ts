import { circuitBreaker, registry, type ResilienceEvent, resilient, retry } from "@breakwater/core";
import { eventLog } from "@breakwater/core/testing";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, expect, it } from "vitest";
import { unhandledDuring } from "./support/laws/unhandled.js";
import { fail, rejectionOf, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

let subscribed: ((message: unknown) => void)[] = [];
useVirtualClock();
afterEach(() => {
  for (const subscriber of subscribed.splice(0)) unsubscribe("breakwater", subscriber);
});

function subscribeWith(subscriber: (message: unknown) => unknown): void {
  subscribed.push(subscriber);
  subscribe("breakwater", subscriber);
}

function published(): readonly ResilienceEvent[] {
  const events: ResilienceEvent[] = [];
  subscribeWith((event) => events.push(event as ResilienceEvent));
  return events;
}

const opensAfterTwo = () => circuitBreaker({ name: "crm", consecutiveFailures: 2 });

it("every event of every policy is published, those of single calls included, each once and in order", async () => {
  const breaker = opensAfterTwo();
  const [policy, other] = [
    resilient(breaker, { name: "reads" }),
    resilient(breaker, { name: "w" }),
  ];
  const events = published();
  await fail(clock, policy, 2);
  for (let n = 0; n < 3; n++) await rejectionOf(policy.execute(works));
  expect(events.map(({ type }) => type)).toEqual([
    "attempt.settled",
    "circuit.opened",
    "attempt.settled",
    "call.refused",
    "call.refused",
    "call.refused",
  ]);
  expect(events).toMatchObject([
    { policy: "reads", verdict: "transient" },
    { policies: ["reads", "w"], guard: "crm" },
    {},
    { policy: "reads", count: 1 },
    { count: 1 },
    { count: 1 },
  ]);
  expect(other.name).toBe("w");
});

it("who subscribes and leaves between two calls hears what happens meanwhile, without a policy being told", async () => {
  const policy = resilient(circuitBreaker(), { name: "crm" });
  await policy.execute(works);
  const events = published();
  await policy.execute(works);
  unsubscribe("breakwater", subscribed.pop() as () => void);
  await policy.execute(works);
  expect(events).toMatchObject([{ type: "attempt.settled", verdict: "success" }]);
});

it("a subscriber hears an event before the caller goes on", async () => {
  const order: string[] = [];
  subscribeWith(() => order.push("subscriber"));
  await resilient(circuitBreaker(), { name: "crm" })
    .execute(works)
    .then(() => order.push("caller"));
  expect(order).toEqual(["subscriber", "caller"]);
});

it("what a subscriber throws or rejects changes no call, raises nothing, and is told", async () => {
  const policy = resilient(circuitBreaker({ consecutiveFailures: 9 }), retry(), { name: "crm" });
  const told: ResilienceEvent[] = [];
  const off = registry.on("hook.failed", (event) => void told.push(event));
  subscribeWith(() => {
    throw new Error("thrown");
  });
  subscribeWith(() => Promise.reject(new Error("rejected")));
  const heard = published();
  const error = Object.assign(new Error("not found"), { status: 404 });
  const uncaught: unknown[] = [];
  const note = (thrown: unknown): void => void uncaught.push(thrown);
  process.on("uncaughtException", note);
  const unhandled = await unhandledDuring(async () => {
    expect(await rejectionOf(policy.execute(() => Promise.reject(error)))).toBe(error);
  });
  process.off("uncaughtException", note);
  off();
  expect([uncaught, unhandled]).toEqual([[], []]);
  expect(heard[0]).toMatchObject({ type: "attempt.settled", verdict: "permanent" });
  expect(told).toMatchObject([
    { policy: "crm", hook: "listener", error: { message: "thrown" } },
    { policy: "crm", hook: "listener", error: { message: "rejected" } },
  ]);
});

it("a store that is bound to the channel, and nobody who subscribes, makes no difference", async () => {
  const { AsyncLocalStorage } = await import("node:async_hooks");
  const store = new AsyncLocalStorage();
  channel("breakwater").bindStore(store, () => ({}));
  const policy = resilient(opensAfterTwo(), { name: "crm" });
  const heard = eventLog(policy);
  await fail(clock, policy, 2);
  channel("breakwater").unbindStore(store);
  expect(heard).toMatchObject([{ type: "circuit.opened" }]);
});
