import {
  bulkhead,
  circuitBreaker,
  type Policy,
  resilient,
  retry,
  retryBudget,
} from "@breakwater/core";
import { eventLog } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const down = (): Promise<never> => Promise.reject(new Error("down"));
const fine = (): Promise<string> => Promise.resolve("fine");
const hang = (): Promise<never> => new Promise(() => {});
const MINUTES_MS = 60_000;

function crowded() {
  const breaker = circuitBreaker({
    consecutiveFailures: 2,
    maxKeys: 2,
    idleKeyMs: "1m",
    openMs: "1h",
  });
  return { breaker, policy: resilient(breaker, { name: "crowded" }) };
}

async function fail(policy: Policy, key: string): Promise<void> {
  await policy.execute(down, { key }).catch(() => {});
}

describe("a key", () => {
  it("has a circuit of its own", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const policy = resilient(breaker);
    await policy.execute(down, { key: "eu" }).catch(() => {});
    expect([breaker.state("eu"), breaker.state("us"), breaker.state()]).toEqual([
      "open",
      "closed",
      "closed",
    ]);
    await expect(policy.execute(fine, { key: "eu" })).rejects.toMatchObject({ key: "eu" });
    expect(await policy.execute(fine, { key: "us" })).toBe("fine");
  });

  it("has credit of its own, and shares the reserve", async () => {
    const budget = retryBudget({ ratio: 1, reserve: 1 });
    const policy = resilient(budget, retry({ maxAttempts: 1 }));
    await policy.execute(fine, { key: "eu" });
    expect(budget.available("eu")).toEqual({ credit: 1, reserve: 1 });
    expect(budget.available("us")).toEqual({ credit: 0, reserve: 1 });
  });

  it("shares the bulkhead, unless that is per key", async () => {
    const one = resilient(bulkhead({ limit: 1 }));
    void one.execute(hang, { key: "eu" });
    await expect(one.execute(fine, { key: "us" })).rejects.toMatchObject({
      code: "ERR_BULKHEAD_FULL",
    });
    const perKey = resilient(bulkhead({ limit: 1, perKey: true }));
    void perKey.execute(hang, { key: "eu" });
    expect(await perKey.execute(fine, { key: "us" })).toBe("fine");
    await expect(perKey.execute(fine, { key: "eu" })).rejects.toMatchObject({ key: "eu" });
  });

  it("comes from the arguments of a wrapped function, too", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const call = resilient(breaker, { key: (_self: unknown, region: string) => region }).wrap(
      async (region: string) => (region === "eu" ? down() : region),
    );
    await call("eu").catch(() => {});
    expect([breaker.state("eu"), await call("us")]).toEqual(["open", "us"]);
  });
});

describe("when there are more keys than maxKeys", () => {
  it("new ones share one circuit, and it is said once", async () => {
    const { policy } = crowded();
    const overflows = eventLog(policy, "keys.overflowed");
    for (const key of ["a", "b", "c", "d"]) await fail(policy, key);
    await expect(policy.execute(fine, { key: "e" })).rejects.toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
    });
    expect(await policy.execute(fine, { key: "a" })).toBe("fine");
    expect(overflows).toMatchObject([{ guard: "crowded", maxKeys: 2 }]);
  });

  it("one that is idle and as good as new makes room, and the newcomer leaves the shared circuit", async () => {
    const { policy, breaker } = crowded();
    for (const key of ["a", "b"]) await policy.execute(fine, { key });
    await fail(policy, "c");
    await fail(policy, "c");
    expect([breaker.state("c"), await policy.execute(fine, { key: "a" })]).toEqual([
      "open",
      "fine",
    ]);
    await clock.advance(2 * MINUTES_MS);
    expect(await policy.execute(fine, { key: "c" })).toBe("fine");
  });

  it("one whose circuit is open is never dropped, however long it is idle", async () => {
    const { policy, breaker } = crowded();
    for (const key of ["a", "a", "b", "b"]) await fail(policy, key);
    await clock.advance(10 * MINUTES_MS);
    await policy.execute(fine, { key: "c" });
    expect([breaker.state("a"), breaker.state("b")]).toEqual(["open", "open"]);
  });

  it("a key over 256 characters runs in the shared circuit", async () => {
    const { policy } = crowded();
    const long = "x".repeat(257);
    await fail(policy, long);
    await fail(policy, `${long}y`);
    await expect(policy.execute(fine, { key: `${long}z` })).rejects.toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
    });
  });
});

it("maxKeys of a part holds, whatever its policy keeps for itself, and a task is told its own key", async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 1, maxKeys: 20_000 });
  const policy = resilient(breaker);
  for (let n = 0; n < 10_001; n++) await policy.execute(fine, { key: `host-${n}` });
  await fail(policy, "host-a");
  expect(await policy.execute(({ key }) => key, { key: "host-b" })).toBe("host-b");
});
