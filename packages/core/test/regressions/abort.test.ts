import { bulkhead, circuitBreaker, resilient, retry, timeout } from "@breakwater/core";
import { eventLog, hangs, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { PAST_OPENING_MS, fail, rejectionOf, reset } from "./fixtures.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

useVirtualClock();

describe("the caller's abort", () => {
  it("ends a backoff at once, with the caller's reason and without another attempt (C1)", async () => {
    const caller = new AbortController();
    const policy = resilient(retry({ baseMs: 400, jitter: "none" }));
    const task = scriptedTask(throws(reset()));
    const beganMs = clock.nowMs;
    const call = rejectionOf(policy.execute(task, { signal: caller.signal }));
    await clock.advance(50);
    caller.abort("enough");
    expect(await clock.run(call)).toBe("enough");
    expect(clock.nowMs - beganMs).toBe(50);
    await clock.advance(10_000);
    expect(task.runs).toHaveLength(1);
  });

  it.each([
    ["a plan that can only run once", [circuitBreaker()]],
    ["a plan that can repeat", [circuitBreaker(), retry()]],
  ] as const)(
    "that came before the call keeps the task from running: %s (C1)",
    async (_, parts) => {
      const task = scriptedTask(returns("fine"));
      const signal = AbortSignal.abort("too late");
      const call = resilient(...parts).execute(task, { signal });
      expect(await rejectionOf(call)).toBe("too late");
      expect(task.runs).toHaveLength(0);
    },
  );

  it("counts neither as a failure nor as a success of the dependency (C9, O7)", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 2 });
    const policy = resilient(breaker);
    await fail(clock, policy, 1);
    for (let n = 0; n < 5; n++) {
      const caller = new AbortController();
      const call = rejectionOf(policy.execute(scriptedTask(hangs()), { signal: caller.signal }));
      caller.abort();
      await clock.run(call);
    }
    expect(breaker.state()).toBe("closed");
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("open"); // the row of failures was not broken either
  });

  it("is no failure either when only the task's own AbortError tells of it (O7)", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const aborted = new DOMException("This operation was aborted", "AbortError");
    const call = resilient(breaker).execute(() => Promise.reject(aborted));
    expect(await rejectionOf(call)).toBe(aborted);
    expect(breaker.state()).toBe("closed");
  });

  it("is not reported as a timeout (C13)", async () => {
    const policy = resilient(timeout(5_000));
    const settled = eventLog(policy, "attempt.settled");
    const caller = new AbortController();
    const reason = new Error("the user went away");
    const call = rejectionOf(policy.execute(scriptedTask(hangs()), { signal: caller.signal }));
    await clock.advance(100);
    caller.abort(reason);
    expect(await clock.run(call)).toBe(reason);
    await clock.advance(10_000);
    expect(settled).toMatchObject([{ verdict: "aborted" }]);
  });

  it("gives a probe's slot to the next caller (C6)", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 1_000, probes: 1 });
    const policy = resilient(breaker);
    await fail(clock, policy, 1);
    await clock.advance(PAST_OPENING_MS);
    const caller = new AbortController();
    const probe = rejectionOf(policy.execute(scriptedTask(hangs()), { signal: caller.signal }));
    caller.abort("bored");
    expect(await clock.run(probe)).toBe("bored");
    expect(breaker.state()).toBe("half-open");
    expect(await policy.execute(() => "fine")).toBe("fine");
    expect(breaker.state()).toBe("closed");
  });
});

describe("a timeout", () => {
  it("aborts the signal of its own attempt and of no other call in flight (O4)", async () => {
    const policy = resilient(circuitBreaker(), timeout(100));
    const signals: AbortSignal[] = [];
    const hang = ({ signal }: { signal: AbortSignal }): Promise<never> => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const early = rejectionOf(policy.execute(hang));
    await clock.advance(60);
    const late = rejectionOf(policy.execute(hang));
    await clock.advance(60);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    await early;
    await clock.run(late);
  });

  it("tells the attempt that is cut off, so that none runs on beside its retry (M7)", async () => {
    const policy = resilient(retry({ maxAttempts: 3 }), timeout(10));
    let running = 0;
    let most = 0;
    const task = ({ signal }: { signal: AbortSignal }): Promise<never> => {
      most = Math.max(most, ++running);
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          running--;
          reject(signal.reason as Error);
        });
      });
    };
    await rejectionOf(clock.run(policy.execute(task)));
    expect([most, running]).toEqual([1, 0]);
  });

  it("keeps the bulkhead's permit with the work that runs on (O3)", async () => {
    const room = bulkhead({ limit: 1, abandonMs: 60_000 });
    const policy = resilient(room, timeout(20));
    const deaf = scriptedTask(hangs({ deaf: true }));
    await rejectionOf(clock.run(policy.execute(deaf)));
    for (let n = 0; n < 3; n++)
      expect(await rejectionOf(policy.execute(deaf))).toMatchObject({ code: "ERR_BULKHEAD_FULL" });
    expect(deaf.runs).toHaveLength(1);
    expect(room.inFlight).toBe(1);
  });

  it("is counted once, as one attempt (O12)", async () => {
    const breaker = circuitBreaker({ timeoutRatio: 1, window: { count: 10 }, minimumCalls: 10 });
    const policy = resilient(breaker, timeout(20));
    const settled = eventLog(policy, "attempt.settled");
    await rejectionOf(clock.run(policy.execute(scriptedTask(hangs()))));
    expect(settled).toHaveLength(1);
    const { counters, circuits } = policy.snapshot();
    expect(counters.attempts).toMatchObject({ timeout: 1, transient: 0, aborted: 0 });
    expect(circuits?.[""]).toMatchObject({ window: [[0, 1, 1, 1, 0]] });
  });
});
