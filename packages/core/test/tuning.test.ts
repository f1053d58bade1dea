import {
  BreakwaterError,
  bulkhead,
  circuitBreaker,
  classify,
  definePolicy,
  fallback,
  registry,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { eventLog } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { fail, fails, rejectionOf, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock({ seed: 7 });

const ana = { by: "ana", why: "INC-4711" };
const thrownBy = (run: () => unknown): BreakwaterError => {
  try {
    run();
  } catch (error) {
    return error as BreakwaterError;
  }
  throw new Error("nothing was thrown");
};

describe("policy.tune", () => {
  it("changes what it names and nothing else, and says what it was", () => {
    const crm = resilient(circuitBreaker({ openMs: "15s", probes: 2 }), timeout("2s"), {
      name: "crm",
    });
    const change = crm.tune({ breaker: { openMs: "1m" }, timeout: "1s" }, ana);
    expect(change).toMatchObject({ revision: 1, how: "tune", ...ana });
    expect(change?.changes).toEqual([
      { path: "breaker.openMs", from: 15_000, to: 60_000 },
      { path: "timeout.attemptTimeoutMs", from: 2_000, to: 1_000 },
    ]);
    expect(String(crm.explain())).toContain("for 60 s, growing to 2 min; then 2 probes");
    expect(String(crm.explain())).toContain("each attempt 1 s");
  });

  it("is in force for the next call, and keeps what the circuit has counted", async () => {
    const crm = resilient(circuitBreaker({ consecutiveFailures: 5 }), { name: "counted" });
    await fail(clock, crm, 2);
    crm.tune({ breaker: { consecutiveFailures: 3 } });
    await fail(clock, crm, 1);
    expect(await rejectionOf(crm.execute(works))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
  });

  it("shortens a running opening, and does not lengthen it", async () => {
    const crm = resilient(circuitBreaker({ consecutiveFailures: 1, openMs: 1_000, probes: 1 }), {
      name: "opening",
    });
    await fail(clock, crm, 1);
    crm.tune({ breaker: { openMs: "10s" } });
    await clock.advance(1_300);
    expect(await crm.execute(works)).toBeDefined();
    await fail(clock, crm, 1);
    crm.tune({ breaker: { openMs: 100 } });
    await clock.advance(130);
    expect(await crm.execute(works)).toBeDefined();
  });

  it("gives a policy parts that it did not have, and takes others away", async () => {
    const crm = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "changing" });
    await fail(clock, crm, 1);
    crm.tune({ breaker: null, bulkhead: { limit: 1 } });
    const running = crm.execute(() => new Promise(() => {}));
    expect(await rejectionOf(crm.execute(works))).toMatchObject({ code: "ERR_BULKHEAD_FULL" });
    crm.tune({ bulkhead: null });
    await crm.execute(works);
    void running.catch(() => {});
  });

  it("finds every problem, and changes nothing then", () => {
    const crm = resilient(circuitBreaker(), timeout("2s"), { name: "wrong" });
    const before = JSON.stringify(crm.explain());
    const patch = { breaker: { openMs: -1, resetTimeout: 3 }, timeout: "x", colour: 1, retry: 5 };
    const { code, issues } = thrownBy(() => crm.tune(patch as never));
    expect(code).toBe("ERR_INVALID_SPEC");
    expect(issues?.map(({ path }) => path).toSorted()).toEqual([
      "tune.breaker.openMs",
      "tune.breaker.resetTimeout",
      "tune.colour",
      "tune.retry",
      "tune.timeout.attemptTimeoutMs",
    ]);
    thrownBy(() => crm.tune({ breaker: { openMs: "1m", maxOpenMs: "1s" } }));
    thrownBy(() => crm.tune({ timeout: "9s", deadline: "5s" }));
    expect(JSON.stringify(crm.explain())).toBe(before);
    expect(crm.revision).toBe(0);
    expect(crm.history()).toEqual([]);
  });

  it("refuses if somebody was quicker, and says so", () => {
    const crm = resilient(circuitBreaker(), { name: "raced" });
    const seen = crm.revision;
    crm.tune({ breaker: { probes: 5 } }, { by: "ben" });
    const error = thrownBy(() => crm.tune({ breaker: { probes: 1 } }, { ifRevision: seen }));
    expect(error.code).toBe("ERR_STALE_REVISION");
    expect(error.message).toContain("raced has revision 1, and not 0");
    expect(crm.tune({ breaker: { probes: 1 } }, { ifRevision: 1 })?.revision).toBe(2);
  });

  it("that changes nothing is no change", () => {
    const crm = resilient(circuitBreaker({ openMs: "15s" }), { name: "same" });
    expect(crm.tune({ breaker: { openMs: 15_000 } })).toBeUndefined();
    expect(crm.revision).toBe(0);
  });

  it("keeps functions that only code can give", async () => {
    const crm = resilient(
      classify(() => "permanent"),
      fallback(() => "stale"),
      { name: "functions", key: () => "k" },
    );
    crm.tune({ classify: { unknown: "permanent" }, fallback: { on: ["permanent"] } });
    expect(await crm.execute(fails)).toBe("stale");
  });

  it("reaches the state of each object where objects have their own", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 5 });
    const policy = resilient(breaker, { name: "per object", scope: "instance" });
    const client = { get: policy.wrap(() => fails()) };
    await rejectionOf(client.get());
    policy.tune({ breaker: { consecutiveFailures: 2 } });
    await rejectionOf(client.get());
    expect(await rejectionOf(client.get())).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
  });

  it("does not wake a policy that has been drained", async () => {
    const crm = resilient(circuitBreaker(), { name: "drained" });
    await crm.drain();
    crm.tune({ timeout: "1s" });
    expect(await rejectionOf(crm.execute(works))).toMatchObject({ code: "ERR_DRAINING" });
  });
});

describe("policy.retune", () => {
  it("takes what the spec does not say back to its default, and drops the kinds that it does not have", () => {
    const crm = resilient(circuitBreaker({ openMs: "1m", probes: 9 }), bulkhead({ limit: 3 }), {
      name: "whole",
      owner: "ana",
    });
    crm.retune({ breaker: { openMs: "30s" } });
    const { parts, owner } = crm.explain();
    expect(owner).toBeUndefined();
    expect(parts.filter(({ present }) => present)).toMatchObject([
      {
        kind: "breaker",
        text: expect.stringContaining("for 30 s, growing to 60 s; then 3 probes"),
      },
    ]);
  });

  it("keeps the budget that retries imply, and its credit", async () => {
    const crm = resilient(retry({ maxAttempts: 2, baseMs: 0 }), { name: "implied" });
    await rejectionOf(crm.execute(fails)).catch(() => {});
    const spent = JSON.stringify(crm.snapshot().budget);
    crm.retune({ retry: { maxAttempts: 3, baseMs: 0 } });
    expect(JSON.stringify(crm.snapshot().budget)).toBe(spent);
  });

  it("lets a call that runs end under the plan that it began under", async () => {
    const crm = resilient(retry({ maxAttempts: 3, baseMs: 100, jitter: "none" }), retryBudget(), {
      name: "running",
    });
    const attempts: number[] = [];
    const call = rejectionOf(
      crm.execute(({ attempt }) => {
        attempts.push(attempt);
        return fails();
      }),
    );
    await clock.advance(50);
    crm.retune({ retry: { maxAttempts: 1 } });
    await clock.advance(10_000);
    await call;
    expect(attempts).toEqual([1, 2, 3]);
    await rejectionOf(crm.execute(fails));
    expect(crm.snapshot().counters.retries).toBe(2);
  });
});

const shared = () => {
  const breaker = circuitBreaker({ name: "crm", consecutiveFailures: 5 });
  return {
    breaker,
    reads: resilient(breaker, { name: "reads" }),
    writes: resilient(breaker, { name: "writes" }),
  };
};

describe("a part that several policies use", () => {
  it("is not changed through one of them", () => {
    const { reads, writes } = shared();
    const { message } = thrownBy(() => reads.tune({ breaker: { probes: 1 } }));
    expect(message).toContain("breaker: expected no change of a part that others use");
    expect(message).toContain("shared with writes");
    expect(
      reads.tune({ timeout: "1s", breaker: { consecutiveFailures: 5 } })?.changes,
    ).toHaveLength(1);
    reads.tune({ breaker: null });
    expect(writes.tune({ breaker: { probes: 1 } })?.revision).toBe(1);
  });

  it("is changed by itself for all of them: one event names them, and each has it in its history", async () => {
    const { breaker, reads, writes } = shared();
    const heard: unknown[] = [];
    const off = registry.on("guard.retuned", (event) => void heard.push(event));
    breaker.retune({ name: "crm", consecutiveFailures: 2 }, ana);
    await clock.advance(0);
    off();
    const changes = [{ path: "consecutiveFailures", from: 5, to: 2 }];
    expect(heard).toMatchObject([{ guard: "crm", policies: ["reads", "writes"], changes, ...ana }]);
    for (const policy of [reads, writes])
      expect(policy.history()).toMatchObject([
        { how: "part", ...ana, changes: [{ path: "breaker.consecutiveFailures", from: 5, to: 2 }] },
      ]);
    expect(reads.tune({ timeout: "1s" })?.changes.map(({ path }) => path)).toEqual([
      "timeout.attemptTimeoutMs",
    ]);
    expect(String(reads.explain())).toContain("2 failures in a row");
  });

  it("keeps its name", () => {
    const { breaker } = shared();
    expect(thrownBy(() => breaker.retune({ name: "other" })).message).toContain("breaker.name");
  });
});

it("keeps the last 20 changes, with when, and tells each as an event", async () => {
  const crm = resilient(circuitBreaker(), { name: "busy" });
  const told = eventLog(crm);
  clock.wallMs = 1_000;
  for (let probes = 10; probes < 35; probes++) crm.tune({ breaker: { probes } }, ana);
  await clock.advance(0);
  expect(crm.history()).toHaveLength(20);
  expect(crm.history()[0]).toMatchObject({ revision: 6, at: 1_000 });
  expect(crm.history().at(-1)?.changes).toEqual([{ path: "breaker.probes", from: 33, to: 34 }]);
  expect(told).toHaveLength(25);
  expect(told[0]).toMatchObject({ type: "policy.retuned", revision: 1, how: "tune", ...ana });
});

it("explains each value with who has said it, as text and as data", () => {
  const crm = definePolicy("sources", circuitBreaker({ openMs: "5s" }), { owner: "ana" });
  crm.tune({ breaker: { probes: 1 } });
  const { values } = crm.explain();
  expect(JSON.parse(JSON.stringify(values))).toEqual(
    expect.arrayContaining([
      { path: "breaker.openMs", value: 5_000, source: "code" },
      { path: "breaker.probes", value: 1, source: "tune" },
      { path: "breaker.probeSuccessRatio", value: 1, source: "default" },
      { path: "owner", value: "ana", source: "code" },
    ]),
  );
  expect(String(values)).toMatch(/^breaker\.openMs +5 s {2}\(code\)$/m);
  expect(String(crm.explain())).toContain("^ probes 1 (tune)");
});
