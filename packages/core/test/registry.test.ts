import {
  bulkhead,
  circuitBreaker,
  definePolicy,
  protect,
  registry,
  type ResilienceEvent,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { eventLog, hangs, scriptedTask } from "@breakwater/core/testing";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fail, fails, PAST_OPENING_MS, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

let leave: (() => void)[] = [];
useVirtualClock();
afterEach(() => {
  for (const off of leave.splice(0)) off();
});

/** What the registry tells of policies with these names; those of earlier tests may still be about. */
function heardOf(
  names: readonly string[],
  type: "*" | "call.refused" | "process.stalled" = "*",
): readonly ResilienceEvent[] {
  const heard: ResilienceEvent[] = [];
  const add = (event: ResilienceEvent): void => {
    if (names.includes(event.policy)) heard.push(event);
  };
  leave.push(registry.on(type as "*", add));
  return heard;
}

const opensAtOnce = () => circuitBreaker({ consecutiveFailures: 1, openMs: 1_000, probes: 1 });

const bug = (): never => {
  throw new Error("a bug in a listener");
};

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Weak references let go after the turn of the loop in which they were read. */
async function garbageIsCollected(): Promise<void> {
  await new Promise((resolve) => void setImmediate(resolve));
  collectGarbage();
}

describe("registry.on", () => {
  it("hears the policies that there are, and those that will be made", async () => {
    const before = resilient(opensAtOnce(), { name: "before" });
    const defined = definePolicy("defined", opensAtOnce());
    const heard = heardOf(["before", "defined", "after"]);
    const after = resilient(opensAtOnce(), { name: "after" });
    for (const policy of [before, defined, after]) await fail(clock, policy, 1);
    expect(heard).toMatchObject([
      { type: "circuit.opened", policy: "before", guard: "before" },
      { type: "circuit.opened", policy: "defined" },
      { type: "circuit.opened", policy: "after" },
    ]);
  });

  it("hears the policies of protected methods", async () => {
    class Rates {
      latest(): Promise<string> {
        return fails();
      }
    }
    protect(Rates, { latest: [opensAtOnce()] });
    const heard = heardOf(["Rates.latest"]);
    await rejectionOf(new Rates().latest());
    expect(heard).toMatchObject([{ type: "circuit.opened", policy: "Rates.latest" }]);
    expect(registry.policies().map(({ name }) => name)).toContain("Rates.latest");
  });

  it("hears a shared breaker once, with all its policies; each policy hears it under its own name", async () => {
    const breaker = circuitBreaker({ name: "crm", consecutiveFailures: 1 });
    const [reads, writes] = [
      resilient(breaker, { name: "reads" }),
      resilient(breaker, { name: "writes" }),
    ];
    const heard = heardOf(["reads", "writes"]);
    const heardByWrites = eventLog(writes);
    await fail(clock, writes, 1);
    expect(heard).toMatchObject([
      { type: "circuit.opened", guard: "crm", policy: "reads", policies: ["reads", "writes"] },
    ]);
    expect(heardByWrites).toMatchObject([{ type: "circuit.opened", policy: "writes" }]);
    expect(heardByWrites[0]).not.toHaveProperty("policies");
    expect(reads.name).toBe("reads");
  });

  it("names no other policies where there are none", async () => {
    const policy = resilient(opensAtOnce(), { name: "alone" });
    const heard = heardOf(["alone"]);
    await fail(clock, policy, 1);
    expect(heard[0]).not.toHaveProperty("policies");
  });

  it("hears refusals folded to one a second for each policy, and the rest of a storm before the next event", async () => {
    const policy = resilient(opensAtOnce(), { name: "storm" });
    const heard = heardOf(["storm"]);
    await fail(clock, policy, 1);
    for (let n = 0; n < 50; n++) await rejectionOf(policy.execute(works));
    await clock.advance(PAST_OPENING_MS);
    await policy.execute(works);
    expect(heard).toMatchObject([
      { type: "circuit.opened" },
      { type: "call.refused", count: 1 },
      { type: "call.refused", count: 49 },
      { type: "circuit.half_opened" },
      { type: "circuit.closed" },
    ]);
  });

  it("hears each refusal if it names it", async () => {
    const policy = resilient(opensAtOnce(), { name: "each" });
    const heard = heardOf(["each"], "call.refused");
    await fail(clock, policy, 1);
    for (let n = 0; n < 3; n++) await rejectionOf(policy.execute(works));
    expect(heard).toMatchObject([{ count: 1 }, { count: 1 }, { count: 1 }]);
  });

  it("hears once that the process stood still, although every policy notices", async () => {
    vi.useFakeTimers();
    clock.restore();
    const policies = ["one", "other"].map((name) => resilient(timeout(1_000), { name }));
    const heard = heardOf(["one", "other"], "process.stalled");
    const byOther = eventLog(policies[1] as (typeof policies)[0], "process.stalled");
    const calls = policies.map((policy) => rejectionOf(policy.execute(scriptedTask(hangs()))));
    const now = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => now() + 5_000);
    await vi.advanceTimersByTimeAsync(1_100);
    vi.useRealTimers();
    await Promise.all(calls);
    vi.restoreAllMocks();
    expect(byOther).toHaveLength(1);
    expect(heard).toHaveLength(1);
  });

  it("asks for the name of each policy that has none, once", async () => {
    const before = resilient(opensAtOnce());
    const asked: string[] = [];
    leave.push(registry.on("policy.unnamed", ({ policy }) => void asked.push(policy)));
    const after = resilient(opensAtOnce());
    await clock.advance(0);
    expect(asked).toEqual([before.name, after.name]);
    leave.push(registry.on("*", () => {}));
    await clock.advance(0);
    expect(asked).toEqual([before.name, after.name]);
  });

  it("tells what a listener throws or rejects to the others, and the call goes on as it would", async () => {
    const policy = resilient(opensAtOnce(), { name: "throwing" });
    const told = heardOf(["throwing"]);
    leave.push(registry.on("circuit.opened", bug));
    leave.push(registry.on("circuit.opened", () => Promise.reject(new Error("a bug, later"))));
    const error = reset();
    expect(await rejectionOf(policy.execute(() => Promise.reject(error)))).toBe(error);
    await clock.advance(0);
    expect(told).toMatchObject([
      { type: "circuit.opened" },
      { type: "hook.failed", hook: "listener", error: { message: "a bug in a listener" } },
      { type: "hook.failed", hook: "listener", error: { message: "a bug, later" } },
    ]);
  });

  it("hears nothing more once it has ended", async () => {
    const policy = resilient(opensAtOnce(), { name: "ended" });
    const heard = heardOf(["ended"]);
    for (const off of leave.splice(0)) off();
    await fail(clock, policy, 1);
    expect(heard).toEqual([]);
  });

  it("refuses a type of event that there is not", () => {
    expect(() => registry.on("circuit.broken" as "*", () => {})).toThrow(/registry\.on: expected/);
  });
});

describe("the registry keeps nobody alive", () => {
  it("so a policy that nobody uses any more is gone from it", async () => {
    const breaker = opensAtOnce();
    resilient(breaker, { name: "dropped" });
    const kept = resilient(breaker, { name: "kept" });
    const heard = heardOf(["dropped", "kept"]);
    await garbageIsCollected();
    const names = registry.policies().map(({ name }) => name);
    expect(names).toContain("kept");
    expect(names).not.toContain("dropped");
    await fail(clock, kept, 1);
    expect(heard).toMatchObject([{ policy: "kept" }]);
  });

  it("but a policy that is listened to goes on hearing what others do with its breaker", async () => {
    const breaker = opensAtOnce();
    const heard = eventLog(resilient(breaker, { name: "watching" }));
    const user = resilient(breaker, { name: "using" });
    await garbageIsCollected();
    await fail(clock, user, 1);
    expect(heard).toMatchObject([{ type: "circuit.opened", policy: "watching" }]);
  });
});

function healthOf(name: string) {
  return registry.health().policies.find(({ policy }) => policy === name);
}

describe("registry.health()", () => {
  it("gives the state of each guard and budget and the counters, as plain JSON", async () => {
    const parts = [
      circuitBreaker({ name: "crm circuit", consecutiveFailures: 2, openMs: "1m" }),
      bulkhead({ name: "crm room", limit: 3 }),
      retryBudget({ name: "crm budget", reserve: 4 }),
      retry({ maxAttempts: 1 }),
    ] as const;
    const policy = resilient(...parts, { name: "whole" });
    const running = policy.execute(scriptedTask(hangs()));
    await fail(clock, policy, 2);
    await rejectionOf(policy.execute(works));
    const health = healthOf("whole");
    expect(health).toMatchObject({
      policy: "whole",
      status: "degraded",
      breaker: { guard: "crm circuit", state: "open" },
      bulkhead: { guard: "crm room", inFlight: 1, limit: 3, perKey: false },
      budget: { guard: "crm budget", credit: 0, reserve: 4 },
      counters: { attempts: { transient: 2 }, refusedCalls: 1 },
    });
    expect(health?.breaker).not.toHaveProperty("keys");
    expect(health?.breaker?.retryAfterMs).toBeGreaterThan(40_000);
    expect(JSON.parse(JSON.stringify(health))).toStrictEqual(health);
    void running.catch(() => {});
  });

  it("is degraded while a circuit is not closed, and ok again when it is", async () => {
    const policy = resilient(opensAtOnce(), { name: "status" });
    const statuses = [healthOf("status")?.status];
    await fail(clock, policy, 1);
    statuses.push(healthOf("status")?.status);
    expect(registry.health().status).toBe("degraded");
    await clock.advance(PAST_OPENING_MS);
    expect(healthOf("status")?.breaker).toMatchObject({ state: "open", retryAfterMs: 0 });
    await policy.execute(works);
    statuses.push(healthOf("status")?.status);
    expect(statuses).toEqual(["ok", "degraded", "ok"]);
  });

  it("counts the circuits of keys, and lists the ten that have opened most often in a row", async () => {
    const policy = resilient(opensAtOnce(), { name: "keyed" });
    const failAt = (key: string) => rejectionOf(policy.execute(fails, { key }));
    for (let n = 0; n < 30; n++) await failAt(`down ${n}`);
    for (let n = 0; n < 5; n++) await policy.execute(works, { key: `up ${n}` });
    await clock.advance(PAST_OPENING_MS);
    for (const key of ["down 7", "down 21"]) await failAt(key);
    const { breaker, status } = healthOf("keyed") ?? {};
    expect(status).toBe("degraded");
    expect(breaker).toMatchObject({ state: "closed", keys: { known: 35, open: 30, halfOpen: 0 } });
    expect(breaker?.keys?.worst).toHaveLength(10);
    expect(breaker?.keys?.worst.slice(0, 3)).toMatchObject([
      { key: "down 7", openings: 2, state: "open" },
      { key: "down 21", openings: 2 },
      { openings: 1, retryAfterMs: 0, state: "open" },
    ]);
  });

  it("changes nothing, and takes little time and room with 10,000 keys", async () => {
    const policy = resilient(opensAtOnce(), retryBudget(), { name: "many" });
    const failing = (key: string) => policy.execute(fails, { key }).catch(() => {});
    for (let n = 0; n < 10_000; n++) void failing(`key ${n}`);
    await clock.advance(PAST_OPENING_MS);
    const before = policy.snapshot();
    registry.health(); // compiled
    const beganMs = performance.now();
    const health = healthOf("many");
    expect(performance.now() - beganMs).toBeLessThan(2_000);
    expect(JSON.stringify(health).length).toBeLessThan(3_000);
    expect(health?.breaker?.keys?.known).toBe(10_000);
    expect(policy.snapshot()).toEqual(before);
  });
});
