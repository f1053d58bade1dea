import { circuitBreaker, type CircuitBreakerOptions, classify, resilient } from "@breakwater/core";
import { hangs, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { PAST_OPENING_MS, fail, rejectionOf, reset, works } from "./fixtures.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

useVirtualClock();

/** A policy whose circuit two failures open; after `open` it waits to be probed. */
function probed(options: CircuitBreakerOptions = {}) {
  const breaker = circuitBreaker({ consecutiveFailures: 2, openMs: 1_000, ...options });
  const policy = resilient(breaker);
  return {
    breaker,
    policy,
    open: async (): Promise<void> => {
      await fail(clock, policy, 2);
      await clock.advance(PAST_OPENING_MS);
    },
  };
}

const codeOf = ({ code }: { readonly code: string }): string => code;

describe("a half-open circuit", () => {
  it("is what an opened one becomes when its time is over", async () => {
    const { breaker, policy } = probed();
    await fail(clock, policy, 2);
    expect(breaker.state()).toBe("open");
    await clock.advance(PAST_OPENING_MS);
    await policy.execute(works);
    expect(breaker.state()).toBe("half-open");
  });

  it("lets through as many callers as it has probes, of 50 that come at once (R2)", async () => {
    const { policy, open } = probed({ probes: 3 });
    await open();
    const task = scriptedTask(returns("fine", { afterMs: 10 }));
    const calls = Array.from({ length: 50 }, () => policy.execute(task));
    const outcomes = await clock.run(Promise.allSettled(calls));
    expect(task.runs).toHaveLength(3);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
  });

  it("refuses the others at once while a probe hangs (C6)", async () => {
    const { policy, open } = probed({ probes: 1 });
    await open();
    void policy.execute(scriptedTask(hangs()));
    const beganMs = clock.nowMs;
    for (let n = 0; n < 100; n++)
      expect(await rejectionOf(policy.execute(works))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(clock.nowMs).toBe(beganMs);
  });

  it("gives up a probe that never returns, without any timeout, and goes on (C6, O6, M4)", async () => {
    const { breaker, policy, open } = probed({ probes: 1, probeMs: 500 });
    await open();
    void policy.execute(scriptedTask(hangs()));
    await clock.advance(501);
    expect(await rejectionOf(policy.execute(works))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(breaker.state()).toBe("open"); // the probe counted as failed
    await clock.advance(5_000);
    expect(await policy.execute(works)).toBe("fine");
    expect(breaker.state()).toBe("closed");
  });

  it("waits for a missing probe without getting stuck: the next caller is it (M4)", async () => {
    const { breaker, policy, open } = probed({ probes: 2, probeSuccessRatio: 0.5 });
    await open();
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("half-open");
    await clock.advance(3_600_000);
    expect(await policy.execute(works)).toBe("fine");
    expect(breaker.state()).toBe("closed");
  });

  it("learns nothing from the late failure of a call that began before (C7)", async () => {
    const { breaker, policy, open } = probed({ probes: 1 });
    const late = scriptedTask(throws(reset(), { afterMs: PAST_OPENING_MS + 50 }));
    const old = rejectionOf(policy.execute(late));
    await open();
    const probe = policy.execute(scriptedTask(returns("fine", { afterMs: 100 })));
    await clock.run(old);
    expect(breaker.state()).toBe("half-open");
    expect(await clock.run(probe)).toBe("fine");
    expect(breaker.state()).toBe("closed"); // and the probe's success was heard
  });

  it("learns nothing from the late success of a call that began before (O6)", async () => {
    const { breaker, policy, open } = probed({ probes: 1 });
    const old = policy.execute(scriptedTask(returns("late", { afterMs: PAST_OPENING_MS + 50 })));
    await open();
    const probe = rejectionOf(policy.execute(scriptedTask(throws(reset(), { afterMs: 100 }))));
    expect(await clock.run(old)).toBe("late");
    expect(breaker.state()).toBe("half-open");
    await clock.run(probe);
    expect(breaker.state()).toBe("open");
  });

  it("is not closed by an ignored error: the slot goes to the next caller (C8, O7)", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 2, openMs: 1_000, probes: 1 });
    const ours = new Error("ours");
    const rule = classify((error) => (error === ours ? "ignored" : undefined));
    const policy = resilient(breaker, rule);
    await fail(clock, policy, 2);
    await clock.advance(PAST_OPENING_MS);
    await rejectionOf(policy.execute(() => Promise.reject(ours)));
    expect(breaker.state()).toBe("half-open");
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("open");
  });

  it("closes only when all of its probes have succeeded, not on the first (O5)", async () => {
    const { breaker, policy, open } = probed();
    await open();
    for (const state of ["half-open", "half-open", "closed"]) {
      await policy.execute(works);
      expect(breaker.state()).toBe(state);
    }
  });

  it("leaves nothing behind when it closes: old failures don't open it again (O5)", async () => {
    const { breaker, policy, open } = probed({
      consecutiveFailures: 1_000,
      failureRatio: 0.5,
      window: { count: 4 },
      minimumCalls: 2,
      probes: 1,
    });
    await open();
    await policy.execute(works);
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("closed");
  });
});

describe("a closed circuit", () => {
  it("takes an ignored error for neither failure nor success (C8, O7)", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 2 });
    const policy = resilient(breaker);
    await fail(clock, policy, 1);
    await rejectionOf(policy.execute(() => Promise.reject(new ReferenceError("x"))));
    expect(breaker.state()).toBe("closed");
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("open");
  });

  it("does not count an ignored error in the ratio's denominator (O7)", async () => {
    const breaker = circuitBreaker({ failureRatio: 1, window: { count: 10 }, minimumCalls: 2 });
    const policy = resilient(breaker);
    await fail(clock, policy, 1);
    await rejectionOf(policy.execute(() => Promise.reject(new ReferenceError("x"))));
    expect(breaker.state()).toBe("closed"); // one call is less than minimumCalls
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("open"); // two of two
  });
});

describe("a restored circuit", () => {
  it.each([
    ["at once", 0, "ERR_CIRCUIT_OPEN"],
    ["after its time, which also passes while nobody has it", PAST_OPENING_MS, "fine"],
  ])("that was open is probed, restored %s (C11)", async (_, awayMs, outcome) => {
    const saved = probed();
    await fail(clock, saved.policy, 2);
    const snapshot = saved.policy.snapshot();
    await clock.advance(awayMs);
    const { breaker, policy } = probed({ probes: 1 });
    policy.restore(snapshot);
    expect(await policy.execute(works).catch(codeOf)).toBe(outcome);
    await clock.advance(PAST_OPENING_MS);
    expect(await policy.execute(works)).toBe("fine");
    expect(breaker.state()).toBe("closed");
  });
});
