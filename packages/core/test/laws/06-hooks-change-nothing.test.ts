/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import {
  circuitBreaker,
  classify,
  type Policy,
  registry,
  type ResilienceEvent,
  resilient,
} from "@breakwater/core";
import { eventLog, installVirtualClock } from "@breakwater/core/testing";
import fc from "fast-check";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { compiledFor, type DriverName } from "../support/laws/drivers.js";
import { type Schedule, schedules } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { comparable } from "../support/laws/comparable.js";
import { unhandledDuring } from "../support/laws/unhandled.js";
import { inWorld } from "../support/laws/world.js";

const runs = lawRuns("law 6, what users plug in cannot change a call's result");

const WAYS_TO_FAIL = {
  throw: () => raise(new Error("hook")),
  "throw undefined": () => raise(undefined),
  reject: () => Promise.reject(new Error("hook")),
  "return nonsense": () => ({ verdict: "of my own" }),
};
const wayToFail = fc.constantFrom(...(Object.keys(WAYS_TO_FAIL) as (keyof typeof WAYS_TO_FAIL)[]));

function raise(error: unknown): never {
  throw error;
}

/** The schedule's outcome, as it is without any hooks of ours, or with all of them failing in this way. */
async function play(
  { policy, steps }: Schedule,
  driver: DriverName,
  way?: keyof typeof WAYS_TO_FAIL,
) {
  const fail = way === undefined ? undefined : (WAYS_TO_FAIL[way] as () => never);
  const hooks =
    fail === undefined
      ? {}
      : { classify: classify({ error: fail, result: fail }), options: { key: fail } };
  const unkeyed = steps.map((step) =>
    "call" in step ? { call: { ...step.call, key: undefined } } : step,
  );
  return inWorld(
    policy,
    driver,
    async (world) => {
      const leave = fail === undefined ? [] : listenEverywhere(world.policy, fail);
      await world.playAll(unkeyed);
      for (const off of leave) off();
      const told = world.events.filter(({ type }) => type === "hook.failed").length;
      return { told, ...comparable(world, ["hook.failed"]) };
    },
    hooks,
  );
}

/** At the policy, at the registry, and as a subscriber of the diagnostics channel. */
function listenEverywhere(policy: Policy, listener: () => unknown): (() => void)[] {
  const listening = ([policy, registry] as const).flatMap((watched) =>
    (["attempt.settled", "*"] as const).map((type) => watched.on(type as "*", listener)),
  );
  const subscriber = (): unknown => listener();
  subscribe("breakwater", subscriber);
  return [...listening, () => void unsubscribe("breakwater", subscriber)];
}

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  it("listeners, classifiers and key functions that fail leave results, events and state as they are", async () => {
    const property = fc.asyncProperty(schedules(driver, 8), wayToFail, async (schedule, way) => {
      const { told: _, ...plain } = await play(schedule, driver);
      let told = 0;
      const unhandled = await unhandledDuring(async () => {
        const { told: hooksFailed, ...hooked } = await play(schedule, driver, way);
        expect(hooked).toEqual(plain);
        told = hooksFailed;
      });
      expect(unhandled).toEqual([]);
      if (plain.events.some(({ type }) => type === "attempt.settled"))
        expect(told).toBeGreaterThan(0);
    });
    await fc.assert(property, runs);
  });

  it("tells of what a listener threw or rejected, once for each event", async () => {
    const policy = compiledFor(driver, () => resilient(circuitBreaker(), { name: "told" }));
    const failures = eventLog(policy, "hook.failed");
    policy.on("attempt.settled", () => raise(new Error("thrown")));
    policy.on("attempt.settled", () => Promise.reject(new Error("rejected")));
    expect(await unhandledDuring(() => policy.execute(() => "fine"))).toEqual([]);
    const told = failures.map((event) => "error" in event && event.error?.message);
    expect(told).toEqual(["thrown", "rejected"]);
  });

  it("tells of each transition once, in order, after it is complete, and the same to all who share a breaker", async () => {
    const property = fc.asyncProperty(schedules(driver, 24), async ({ policy, steps }) => {
      const breaker = { consecutiveFailures: 1, openMs: 20, ...policy.breaker };
      await inWorld({ ...policy, breaker }, driver, async (world) => {
        const shared = world.parts.breaker as ReturnType<typeof circuitBreaker>;
        const path: ResilienceEvent[] = [];
        const elsewhere = eventLog(resilient(shared, { name: "elsewhere" }), ...TRANSITIONS);
        for (const type of TRANSITIONS)
          world.policy.on(type, (event) => {
            path.push(event);
            if (path.length === transitionsIn(world.events).length && !("key" in event))
              expect(AFTER[type]).toContain(shared.state());
          });
        await world.playAll(steps);
        expect(elsewhere.map(withoutPolicy)).toEqual(path.map(withoutPolicy));
        for (const key of [undefined, "a", "b"])
          expectPath(
            path.filter((event) => ("key" in event ? event.key === key : key === undefined)),
          );
      });
    });
    await fc.assert(property, runs);
  });
});

it("delivers nothing before the call that caused it has gone on to its next step", async () => {
  const clock = installVirtualClock();
  const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }));
  const order: string[] = [];
  policy.on("circuit.opened", () => order.push("heard"));
  const failing = policy
    .execute(() => raise(new Error("at once")))
    .catch(() => order.push("caught"));
  order.push("returned");
  await clock.run(failing);
  expect(order).toEqual(["returned", "heard", "caught"]);
  clock.restore();
});

const TRANSITIONS = ["circuit.opened", "circuit.half_opened", "circuit.closed"] as const;
type Transition = (typeof TRANSITIONS)[number];

/** Where a circuit may be when it is heard to have gone somewhere; it may have gone on already. */
const AFTER: Record<Transition, readonly string[]> = {
  "circuit.opened": ["open", "half-open"],
  "circuit.half_opened": ["half-open", "open", "closed"],
  "circuit.closed": ["closed", "open"],
};
const NEXT: Record<Transition, readonly Transition[]> = {
  "circuit.opened": ["circuit.half_opened"],
  "circuit.half_opened": ["circuit.opened", "circuit.closed"],
  "circuit.closed": ["circuit.opened"],
};

function transitionsIn(events: readonly ResilienceEvent[]): ResilienceEvent[] {
  return events.filter(({ type }) => (TRANSITIONS as readonly string[]).includes(type));
}

function expectPath(path: readonly ResilienceEvent[]): void {
  let allowed: readonly string[] = ["circuit.opened"];
  for (const { type } of path) {
    expect(allowed).toContain(type);
    allowed = NEXT[type as Transition];
  }
}

function withoutPolicy(event: ResilienceEvent): object {
  const { policy: _, ...rest } = event;
  return rest;
}
