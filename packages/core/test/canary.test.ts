import {
  bulkhead,
  circuitBreaker,
  type Policy,
  registry,
  resilient,
  type ResilienceEvent,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { eventLog, hangs, returns, scriptedTask, throws } from "@breakwater/core/testing";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { instanceName, isTaken } from "../src/policy/cohorts/assignment.js";
import { fails, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { lawRuns } from "./support/laws/seed.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

const runs = lawRuns("a larger ratio only adds to the canary");

useVirtualClock();
afterEach(() => {
  vi.unstubAllEnvs();
});

const keys = Array.from({ length: 100_000 }, (_, n) => `tenant-${n}`);
const [taken, spared] = [true, false].map(
  (wanted) => keys.find((key) => isTaken("crm", key, 0.5) === wanted) as string,
) as [string, string];

function badIsTransient(value: unknown): "transient" | undefined {
  return value === "bad" ? "transient" : undefined;
}

function explained(by: "process" | "key"): string {
  return String(resilient({ name: "crm", canary: { ratio: 0.2, by } }).explain());
}

async function failAt(policy: Policy, key: string, times = 1): Promise<void> {
  for (let n = 0; n < times; n++) await rejectionOf(policy.execute(fails, { key }));
}

describe("who is taken by a canary", () => {
  it.each([0, 0.01, 0.2, 0.5, 0.99, 1])(
    "is a share of %f of 100,000 keys, within 1 %%",
    (ratio) => {
      const share = keys.filter((key) => isTaken("crm", key, ratio)).length / keys.length;
      expect(Math.abs(share - ratio)).toBeLessThanOrEqual(0.01);
    },
  );

  it("is always the same, and a larger ratio only adds", () => {
    const ratio = fc.double({ min: 0, max: 1, noNaN: true });
    const property = fc.property(
      fc.string(),
      fc.string(),
      ratio,
      ratio,
      (salt, key, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        expect(isTaken(salt, key, less)).toBe(isTaken(salt, key, less));
        expect(isTaken(salt, key, more) || !isTaken(salt, key, less)).toBe(true);
      },
    );
    fc.assert(property, runs);
  });

  it("depends on the salt: two policies do not try out on the same ones", () => {
    const both = keys.filter((key) => isTaken("crm", key, 0.5) && isTaken("ledger", key, 0.5));
    expect(both.length / keys.length).toBeCloseTo(0.25, 1);
  });

  it("is a process by its name, host, worker and thread, never by its process id", () => {
    expect(instanceName({ BREAKWATER_INSTANCE: "web-3" })).toBe("web-3");
    const [first, second] = [
      instanceName({ NODE_UNIQUE_ID: "1" }),
      instanceName({ NODE_UNIQUE_ID: "2" }),
    ];
    expect(first).not.toBe(second);
    expect(first).toMatch(/\/1\/\d+$/);
    expect(instanceName({})).not.toContain(String(process.pid));
  });
});

describe("a canary by key", () => {
  const canary = { ratio: 0.5, by: "key" } as const;

  it("protects the calls of the keys that it takes, and lets the others through", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm", canary });
    await failAt(policy, taken);
    await failAt(policy, spared);
    expect(await rejectionOf(policy.execute(works, { key: taken }))).toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
    });
    expect(await policy.execute(works, { key: spared })).toBe("fine");
  });

  it("gives each cohort a circuit and a credit of its own, and both one room", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const budget = retryBudget({ ratio: 1, reserve: 0 });
    const room = bulkhead({ limit: 1 });
    const policy = resilient(breaker, budget, room, retry({ maxAttempts: 1 }), {
      name: "crm",
      canary,
    });
    await failAt(policy, spared);
    expect(breaker.state(spared)).toBe("closed");
    expect(breaker.twin().state(spared)).toBe("open");
    expect(budget.available(spared).credit).toBe(0);
    expect(budget.twin().available(spared).credit).toBe(1);
    const other = keys.filter((key) => !isTaken("crm", key, 0.5))[1] as string;
    void policy.execute(scriptedTask(hangs()), { key: other });
    expect(await rejectionOf(policy.execute(works, { key: taken }))).toMatchObject({
      code: "ERR_BULKHEAD_FULL",
    });
  });

  it("asks the key function once a call", async () => {
    const key = vi.fn<(self: unknown, tenant: string) => string>((_self, tenant) => tenant);
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), {
      name: "crm",
      canary,
      key,
    });
    const run = policy.wrap(async (_tenant: string) => fails());
    await rejectionOf(run(taken));
    expect(await rejectionOf(run(taken))).toMatchObject({ code: "ERR_CIRCUIT_OPEN", key: taken });
    expect(key).toHaveBeenCalledTimes(2);
  });

  it.each([taken, spared])(
    "asks a key function once that has nothing to say, at %s",
    async (instance) => {
      vi.stubEnv("BREAKWATER_INSTANCE", instance);
      const key = vi.fn<() => never>(() => {
        throw new Error("no key");
      });
      const policy = resilient(circuitBreaker(), { name: "crm", canary, key });
      const heard = eventLog(policy, "hook.failed");
      expect(await policy.execute(works)).toBe("fine");
      await clock.advance(0);
      expect(key).toHaveBeenCalledTimes(1);
      expect(heard).toHaveLength(1);
    },
  );

  it("sends calls without a key where the process belongs", async () => {
    for (const [instance, isCanary] of [
      [taken, true],
      [spared, false],
    ] as const) {
      vi.stubEnv("BREAKWATER_INSTANCE", instance);
      const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm", canary });
      await rejectionOf(policy.execute(fails));
      const next = policy.execute(works).catch(({ code }: { code: string }) => code);
      expect(await next).toBe(isCanary ? "ERR_CIRCUIT_OPEN" : "fine");
    }
  });

  it("compares both cohorts", async () => {
    const policy = resilient(
      circuitBreaker({ consecutiveFailures: 2 }),
      retryBudget({ reserve: 100 }),
      retry({ maxAttempts: 2, baseMs: 0 }),
      { name: "crm", canary },
    );
    for (const key of [taken, spared]) {
      const slow = scriptedTask(returns("fine", { afterMs: 40 }));
      const recovers = scriptedTask(throws(reset()), returns("fine", { afterMs: 10 }));
      await clock.run(policy.execute(slow, { key }));
      await clock.run(policy.execute(recovers, { key }).catch(() => {}));
      await clock.run(failAt(policy, key));
      await clock.run(failAt(policy, key));
    }
    const { canary: protectedOnes, control, ...rest } = policy.compare();
    expect(rest).toEqual({ policy: "crm", ratio: 0.5, by: "key" });
    expect(protectedOnes).toMatchObject({
      calls: 4,
      n: 3,
      refusalRatio: 1 / 4,
      errorRatio: 1 / 3,
      retriesPerCall: 2 / 4,
    });
    expect(protectedOnes?.p99Ms).toBeCloseTo(40, 0);
    expect(control).toMatchObject({
      calls: 4,
      n: 4,
      refusalRatio: 0,
      errorRatio: 3 / 4,
      retriesPerCall: 0,
    });
    expect(control?.would).toMatchObject({ retries: 1, refusals: { right: 1, wrong: 0 } });
    expect(JSON.parse(JSON.stringify(policy.compare()))).toEqual(policy.compare());
  });

  it("names the cohort in every event, and drains both", async () => {
    const heard: ResilienceEvent[] = [];
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm", canary });
    policy.on("*", (event) => heard.push(event));
    await failAt(policy, taken);
    await failAt(policy, spared);
    await clock.advance(0);
    expect(heard.map(({ type, cohort, mode }) => [type, cohort, mode])).toEqual([
      ["circuit.opened", "canary", undefined],
      ["circuit.opened", "control", "shadow"],
    ]);
    const running = [taken, spared].map((key) =>
      policy.execute(scriptedTask(hangs({ deaf: true })), { key }).catch(() => {}),
    );
    const fresh = resilient({ name: "fresh", canary });
    for (const key of ["a", "b", "c", "d"])
      running.push(fresh.execute(scriptedTask(hangs()), { key }).catch(() => {}));
    expect((await clock.run(fresh.drain({ graceMs: 10 }))).aborted).toBe(4);
    expect(await rejectionOf(fresh.execute(works, { key: spared }))).toMatchObject({
      code: "ERR_DRAINING",
    });
  });
});

describe("what is told of two cohorts", () => {
  const canary = { ratio: 0.5, by: "key" } as const;

  it("counts as refused what the policy itself refused, and as failed what failed by its result", async () => {
    const inner = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "inner" });
    await rejectionOf(inner.execute(fails));
    const policy = resilient(circuitBreaker(), { name: "crm", canary });
    for (const key of [taken, spared]) {
      await rejectionOf(policy.execute(() => inner.execute(works), { key }));
      await policy.execute(async () => new Response("", { status: 503 }), { key });
      await policy.execute(async () => "bad", { key, classify: { result: badIsTransient } });
      await policy.execute(works, { key });
    }
    const { canary: protectedOnes, control } = policy.compare();
    for (const report of [protectedOnes, control])
      expect(report).toMatchObject({ calls: 4, n: 4, refusalRatio: 0, errorRatio: 3 / 4 });
  });

  it("is one sum in health and snapshot", async () => {
    const policy = resilient({ name: "both", canary });
    for (const key of keys.slice(0, 10)) await policy.execute(works, { key });
    const health = registry.health().policies.find(({ policy: name }) => name === "both");
    expect(health?.counters.attempts.success).toBe(10);
    expect(policy.snapshot().counters.attempts.success).toBe(10);
  });

  it("names the key and the cohort also of a call that is refused by a drain", async () => {
    const policy = resilient({ name: "crm", canary, key: (_self, tenant: string) => tenant });
    const heard = eventLog(policy, "call.refused");
    await clock.run(policy.drain({ graceMs: 1 }));
    const run = policy.wrap(async (tenant: string) => tenant);
    for (const key of [taken, spared])
      expect(await rejectionOf(run(key))).toMatchObject({ code: "ERR_DRAINING", key });
    await clock.advance(0);
    expect(heard).toMatchObject([
      { key: taken, cohort: "canary" },
      { key: spared, cohort: "control", mode: "shadow" },
    ]);
  });

  it("is heard once of a part that both share, and not as if it were in shadow", async () => {
    for (const instance of [taken, spared])
      for (const by of ["key", "process"] as const) {
        vi.stubEnv("BREAKWATER_INSTANCE", instance);
        const room = bulkhead({ limit: 1, perKey: true, maxKeys: 1 });
        const policy = resilient(room, { name: "crm", canary: { ratio: 0.5, by } });
        const heard = eventLog(policy, "keys.overflowed");
        for (const key of keys.slice(0, 5)) await policy.execute(works, { key });
        await clock.advance(0);
        expect(heard).toHaveLength(1);
        expect(heard[0]).not.toHaveProperty("mode");
      }
  });
});

it("a call that is not protected and hangs gives its permit up as any other does", async () => {
  const room = bulkhead({ limit: 1, abandonMs: 1_000 });
  const canary = { ratio: 0.5, by: "key" } as const;
  const policy = resilient(room, timeout(100), { name: "crm", canary });
  void policy.execute(scriptedTask(hangs({ deaf: true })), { key: spared });
  const next = (): Promise<unknown> => clock.run(policy.execute(works, { key: taken }));
  await clock.advance(1_000);
  expect(await rejectionOf(next())).toMatchObject({ code: "ERR_BULKHEAD_FULL" });
  await clock.advance(200);
  expect(await next()).toBe("fine");
  expect(room.inFlight).toBe(0);
});

describe("a canary by process", () => {
  const canary = { ratio: 0.5 } as const;

  it("protects all calls of a process that it takes, and none of another", async () => {
    for (const [instance, cohort] of [
      [taken, "canary"],
      [spared, "control"],
    ] as const) {
      vi.stubEnv("BREAKWATER_INSTANCE", instance);
      const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm", canary });
      await rejectionOf(policy.execute(fails));
      const next = policy.execute(works).catch(({ code }: { code: string }) => code);
      expect(await next).toBe(cohort === "canary" ? "ERR_CIRCUIT_OPEN" : "fine");
      expect(Object.keys(policy.compare())).toEqual(["policy", "ratio", "by", cohort]);
    }
  });

  it("says so when it explains itself", () => {
    vi.stubEnv("BREAKWATER_INSTANCE", spared);
    expect(explained("process")).toContain(
      "canary      a share of 0.2 of the processes is protected: this one is not",
    );
    expect(explained("key")).toContain("canary      a share of 0.2 of the keys is protected");
  });

  it("takes the same processes for policies with the same salt", () => {
    vi.stubEnv("BREAKWATER_INSTANCE", taken);
    const modes = ["a", "b", "c", "d", "e", "f"].map(
      (name) => resilient({ name, canary: { ...canary, salt: "crm" } }).explain().mode,
    );
    expect(new Set(modes)).toEqual(new Set(["enforce"]));
  });

  it("takes the same processes for all policies without a name, however many were made before", () => {
    const modes = Array.from({ length: 12 }, () => resilient({ canary }).explain().mode);
    expect(new Set(modes).size).toBe(1);
  });

  it("has nothing to compare where the mode holds for all calls, and does not say that keys are protected", () => {
    vi.stubEnv("BREAKWATER_MODE", "shadow");
    const policy = resilient({ name: "crm", canary: { ...canary, by: "key" } });
    expect(policy.compare()).toEqual({ policy: "crm", ratio: 0.5, by: "key" });
    expect(String(policy.explain())).toContain("canary      none, as the mode holds for all calls");
  });

  it("is all in shadow, or off, where the mode says so", () => {
    vi.stubEnv("BREAKWATER_INSTANCE", taken);
    for (const mode of ["shadow", "off"] as const)
      expect(resilient({ name: "crm", canary, mode }).explain().mode).toBe(mode);
  });
});

it.each([
  [
    { ratio: 20 },
    "policy.canary.ratio: expected a ratio from 0 to 1 (not a percentage), received 20",
  ],
  [{ ratio: -0.1 }, "policy.canary.ratio: expected a ratio from 0 to 1"],
  [{ by: "key" }, "policy.canary.ratio: expected an object with ratio (0..1)"],
  [{ ratio: 0.1, by: "user" }, "policy.canary.by: expected 'process' or 'key'"],
  [{ ratio: 0.1, share: 3 }, "policy.canary.share"],
])("a canary %j is refused at once", (canary, problem) => {
  expect(() => resilient({ canary: canary as never })).toThrow(problem);
});

it("there is nothing to compare without a canary", () => {
  expect(() => resilient().compare()).toThrow("policy.compare: expected a policy with a canary");
});
