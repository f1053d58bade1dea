import { circuitBreaker, resilient, timeout } from "@breakwater/core";
import { eventLog, hangs, scriptedTask } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { fail, rejectionOf, works } from "./fixtures.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

useVirtualClock();

describe("a time window", () => {
  it("holds nothing after an hour of silence, however many failures came before (C4)", async () => {
    const breaker = circuitBreaker({ failureRatio: 0.5, window: { ms: 5_000 }, minimumCalls: 5 });
    const policy = resilient(breaker);
    await fail(clock, policy, 4);
    await clock.advance(3_600_000);
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("closed");
  });

  it("of 30 seconds opens after the default minimum of 20 failing calls (C5)", async () => {
    const breaker = circuitBreaker({ failureRatio: 0.2, window: { ms: 30_000 } });
    const policy = resilient(breaker);
    for (let n = 0; n < 19; n++) {
      await fail(clock, policy, 1);
      await clock.advance(1_000);
    }
    expect(breaker.state()).toBe("closed");
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("open");
  });

  it("looks back ten seconds by default, not milliseconds (M3)", async () => {
    const breaker = circuitBreaker({ failureRatio: 1, minimumCalls: 5 });
    const policy = resilient(breaker);
    for (let n = 0; n < 4; n++) {
      await fail(clock, policy, 1);
      await clock.advance(2_000);
    }
    expect(breaker.state()).toBe("closed");
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("open");
  });

  it("keeps sums instead of samples: 20,000 calls leave at most ten rows (O10)", async () => {
    const policy = resilient(circuitBreaker({ failureRatio: 1, slowCallMs: 1_000 }));
    for (let n = 0; n < 20_000; n++) {
      await policy.execute(works);
      if (n % 1_000 === 0) await clock.advance(400);
    }
    const { circuits } = policy.snapshot();
    const closed = circuits?.[""] as { readonly window: readonly (readonly number[])[] };
    expect(closed.window.length).toBeGreaterThan(1);
    expect(closed.window.length).toBeLessThanOrEqual(10);
  });
});

describe("a threshold", () => {
  it("is not met by the first failure of a new circuit (O1)", async () => {
    for (const options of [
      {},
      { failureRatio: 0.5 },
      { failureRatio: 0.5, window: { count: 100 } },
    ]) {
      const breaker = circuitBreaker(options);
      await fail(clock, resilient(breaker), 1);
      expect(breaker.state()).toBe("closed");
    }
  });

  it("is met when it is reached: two of four at a half (O1)", async () => {
    const breaker = circuitBreaker({ failureRatio: 0.5, window: { count: 4 }, minimumCalls: 4 });
    const policy = resilient(breaker);
    await policy.execute(works);
    await policy.execute(works);
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("closed");
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("open");
  });

  it("of one opens when all calls have failed (M2)", async () => {
    const breaker = circuitBreaker({ failureRatio: 1, window: { count: 5 }, minimumCalls: 5 });
    await fail(clock, resilient(breaker), 5);
    expect(breaker.state()).toBe("open");
  });

  it("of consecutive failures protects a job that runs every five minutes (C5)", async () => {
    const breaker = circuitBreaker();
    const policy = resilient(breaker);
    for (let n = 0; n < 5; n++) {
      expect(breaker.state()).toBe("closed");
      await clock.advance(300_000);
      await fail(clock, policy, 1);
    }
    expect(breaker.state()).toBe("open");
  });

  it("counts a timeout as one failed call of one (O12)", async () => {
    const breaker = circuitBreaker({ failureRatio: 1, window: { count: 4 }, minimumCalls: 2 });
    const policy = resilient(breaker, timeout(10));
    const opened = eventLog(policy, "circuit.opened");
    await rejectionOf(clock.run(policy.execute(scriptedTask(hangs()))));
    expect(opened).toHaveLength(0);
    await rejectionOf(clock.run(policy.execute(scriptedTask(hangs()))));
    expect(opened).toHaveLength(1);
  });
});
