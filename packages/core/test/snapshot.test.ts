import {
  circuitBreaker,
  type PolicySnapshot,
  resilient,
  retry,
  retryBudget,
} from "@breakwater/core";
import { scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const parts = () => ({
  breaker: circuitBreaker({ consecutiveFailures: 2, openMs: "10s", maxOpenMs: "10s" }),
  budget: retryBudget({ ratio: 0, reserve: 3, reserveRefillMs: "30s" }),
});

/** A policy that has failed twice: its circuit is open, one token of its reserve is spent. */
async function failed(): Promise<PolicySnapshot> {
  const { breaker, budget } = parts();
  const policy = resilient(breaker, budget, retry({ baseMs: 0 }), { name: "job" });
  await policy.execute(scriptedTask(throws(new Error("down")))).catch(() => {});
  return JSON.parse(JSON.stringify(policy.snapshot())) as PolicySnapshot;
}

/** Somebody else's process, that goes on from there. */
function goOn(snapshot: PolicySnapshot): ReturnType<typeof parts> {
  const restored = parts();
  resilient(restored.breaker, restored.budget, { name: "job" }).restore(snapshot);
  return restored;
}

const fromAnotherBoot = (snapshot: PolicySnapshot): PolicySnapshot => ({
  ...snapshot,
  takenAt: { ...snapshot.takenAt, bootId: "another boot" },
});

async function probes(breaker: ReturnType<typeof circuitBreaker>): Promise<boolean> {
  return resilient(breaker)
    .execute(() => true)
    .catch(() => false);
}

function leftOf({ circuits }: PolicySnapshot): number {
  const circuit = circuits?.[""];
  return circuit !== undefined && "leftMs" in circuit ? circuit.leftMs : 0;
}

describe("in the same boot", () => {
  it("an open circuit goes on exactly where it was", async () => {
    const snapshot = await failed();
    const leftMs = leftOf(snapshot);
    await clock.advance(leftMs - 1);
    const early = goOn(snapshot);
    expect(await probes(early.breaker)).toBe(false);
    await clock.advance(1);
    expect(await probes(goOn(snapshot).breaker)).toBe(true);
  });

  it("a wall clock that has been set changes nothing", async () => {
    const snapshot = await failed();
    clock.wallMs += 3_600_000;
    expect(await probes(goOn(snapshot).breaker)).toBe(false);
    clock.wallMs -= 7_200_000;
    expect(await probes(goOn(snapshot).breaker)).toBe(false);
  });

  it("the reserve is refilled by the time that has passed", async () => {
    const snapshot = await failed();
    expect(goOn(snapshot).budget.available()).toEqual({ credit: 0, reserve: 2 });
    await clock.advance(30_000);
    expect(goOn(snapshot).budget.available()).toEqual({ credit: 0, reserve: 3 });
  });
});

describe("after a reboot", () => {
  it("a circuit waits no longer than it would have, also if the clock was set back", async () => {
    const snapshot = fromAnotherBoot(await failed());
    clock.wallMs -= 3_600_000;
    const { breaker } = goOn(snapshot);
    await clock.advance(10_000);
    expect(await probes(breaker)).toBe(true);
  });

  it("the reserve gains nothing from a clock that was set forward", async () => {
    const snapshot = fromAnotherBoot(await failed());
    clock.wallMs += 3_600_000;
    expect(goOn(snapshot).budget.available()).toEqual({ credit: 0, reserve: 2 });
  });
});

describe("what is no snapshot", () => {
  const taken = { wallMs: 0, bootId: "b", bootMs: 0 };
  it.each([
    ["nothing", undefined],
    ["another version", { version: 2, takenAt: taken }],
    ["a time that is none", { version: 1, takenAt: { ...taken, bootMs: "0" } }],
    [
      "a wait that is none",
      { version: 1, takenAt: taken, circuits: { "": { state: "open", leftMs: null } } },
    ],
    [
      "tokens out of thin air",
      { version: 1, takenAt: taken, budget: { reserve: { tokens: -1 }, credits: {} } },
    ],
  ])("is refused, and changes nothing: %s", (_, snapshot) => {
    const { breaker, budget } = parts();
    const policy = resilient(breaker, budget);
    expect(() => policy.restore(snapshot as never)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_SPEC" }),
    );
    expect([breaker.state(), budget.available().reserve]).toEqual(["closed", 3]);
  });

  it("cannot give more tokens than the reserve holds, or keep a circuit open longer than maxOpenMs", async () => {
    const snapshot = await failed();
    const circuits = { "": { ...snapshot.circuits?.[""], leftMs: 1e9 } };
    const reserve = { tokens: 1e6, refilledAgoMs: 0 };
    const { breaker, budget } = goOn({
      ...snapshot,
      circuits,
      budget: { reserve, credits: {} },
    } as never);
    expect(budget.available().reserve).toBe(3);
    await clock.advance(10_000);
    expect(await probes(breaker)).toBe(true);
  });
});

it("a snapshot names states by key, and leaves out what is as good as new", async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 1 });
  const policy = resilient(breaker, { name: "keyed" });
  await policy.execute(() => Promise.reject(new Error("down")), { key: "eu" }).catch(() => {});
  await policy.execute(() => 1, { key: "us" });
  expect(Object.keys(policy.snapshot().circuits ?? {})).toEqual(["=eu"]);
});

const windowed = () =>
  circuitBreaker({ failureRatio: 0.5, minimumCalls: 4, window: { ms: 10_000 } });
const failOnce = (breaker: ReturnType<typeof windowed>): Promise<unknown> =>
  resilient(breaker)
    .execute(() => Promise.reject(new Error("down")))
    .catch(() => {});

describe("a time window", () => {
  it("forgets in the next process what it would have forgotten in this one", async () => {
    const before = windowed();
    for (let n = 0; n < 3; n++) await failOnce(before);
    const snapshot = resilient(before).snapshot();
    await clock.advance(60_000);
    const after = windowed();
    resilient(after).restore(snapshot);
    await failOnce(after);
    expect(after.state()).toBe("closed");
    const soon = windowed();
    resilient(soon).restore({ ...snapshot, takenAt: resilient(windowed()).snapshot().takenAt });
    await failOnce(soon);
    expect(soon.state()).toBe("open");
  });

  it("starts empty where the next process counts otherwise", async () => {
    const before = windowed();
    for (let n = 0; n < 3; n++) await failOnce(before);
    const after = circuitBreaker({ failureRatio: 0.5, window: { count: 4 }, minimumCalls: 2 });
    resilient(after).restore(resilient(before).snapshot());
    await failOnce(after);
    expect(after.state()).toBe("closed");
  });
});

it("a circuit that was as good as new when saved is so again, whatever it was before", async () => {
  const { breaker } = parts();
  const policy = resilient(breaker);
  const pristine = policy.snapshot();
  for (let n = 0; n < 2; n++)
    await policy.execute(() => Promise.reject(new Error("down"))).catch(() => {});
  policy.restore(pristine);
  expect(breaker.state()).toBe("closed");
});
