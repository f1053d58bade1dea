import { circuitBreaker, resilient } from "@breakwater/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { seededChance } from "../../src/demo/common/chance.js";
import { nowMs } from "../../src/demo/common/clock.js";
import { CallLog } from "../../src/demo/load/call-log.js";
import { dueTimes, openLoop } from "../../src/demo/load/open-loop.js";

function firstDue(seed: number, count: number): number[] {
  const due = dueTimes(50, seededChance(seed));
  return Array.from({ length: count }, () => due.next().value);
}

describe("the schedule of calls", () => {
  test("has one call in each slot", () => {
    const slots = firstDue(1, 500).map((dueMs) => Math.floor(dueMs / 20));
    expect(slots).toEqual(Array.from({ length: 500 }, (_, slot) => slot));
  });

  test("is the same for the same seed, and another for another", () => {
    expect(firstDue(7, 50)).toEqual(firstDue(7, 50));
    expect(firstDue(7, 50)).not.toEqual(firstDue(8, 50));
  });
});

describe("the open loop", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("starts each call when it is due, though none has ended", () => {
    const begun: number[] = [];
    const firstMs = nowMs();
    const stop = openLoop(firstMs, dueTimes(50, seededChance(1)), (dueMs) => {
      begun.push(dueMs);
      expect(nowMs() - dueMs).toBeLessThan(2);
    });
    vi.advanceTimersByTime(2_000);
    stop();
    expect(begun.length).toBeGreaterThanOrEqual(99);
  });

  test("starts nothing after its end", () => {
    const begin = vi.fn<() => void>();
    openLoop(nowMs(), dueTimes(50, seededChance(1)), begin)();
    vi.advanceTimersByTime(1_000);
    expect(begin).not.toHaveBeenCalled();
  });
});

describe("the log of calls", () => {
  test("tells answers, failures and refusals apart", async () => {
    const log = new CallLog();
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "once" });
    await log.run(0, () => policy.execute(() => 1));
    await log.run(0, () => policy.execute(() => Promise.reject(new Error("broken"))));
    await log.run(0, () => policy.execute(() => 1));
    const endings = log.take().ended.map(({ ending }) => ending);
    expect(endings).toEqual(["answered", "failed", "refused"]);
  });

  test("counts calls in flight until they end, and tells each once", async () => {
    const log = new CallLog();
    const answers: (() => void)[] = [];
    const ended = log.run(0, () => new Promise<void>((answer) => answers.push(answer)));
    expect(log.take()).toMatchObject({ begunMs: [0], ended: [], inFlight: 1 });
    for (const answer of answers) answer();
    await ended;
    expect(log.take()).toMatchObject({ begunMs: [], ended: [{ dueMs: 0 }], inFlight: 0 });
  });
});
