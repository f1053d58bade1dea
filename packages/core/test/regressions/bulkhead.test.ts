import { bulkhead, circuitBreaker, resilient } from "@breakwater/core";
import { returns, scriptedTask } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { rejectionOf, works } from "./fixtures.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

useVirtualClock();

describe("a bulkhead", () => {
  it("of one never runs two tasks at a time (R3)", async () => {
    const policy = resilient(bulkhead({ limit: 1 }));
    let running = 0;
    let most = 0;
    const task = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    };
    for (let n = 0; n < 20; n++)
      await Promise.allSettled([policy.execute(task), policy.execute(task), policy.execute(task)]);
    expect(most).toBe(1);
  });

  it("gives a freed permit to one newcomer, who is not refused afterwards (C10)", async () => {
    const policy = resilient(bulkhead({ limit: 1 }));
    const first = policy.execute(scriptedTask(returns("first", { afterMs: 10 })));
    const next = first.then(() =>
      Promise.allSettled([1, 2, 3].map((n) => policy.execute(() => n))),
    );
    expect((await clock.run(next)).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
    ]);
  });

  it("keeps the place of who waits when newcomers come in the moment of a freed permit (C10)", async () => {
    const policy = resilient(bulkhead({ limit: 1, queueLimit: 1 }));
    const first = policy.execute(scriptedTask(returns("first", { afterMs: 10 })));
    const queued = policy.execute(() => "queued");
    const newcomers = first.then(() =>
      Promise.allSettled([1, 2, 3].map((n) => policy.execute(() => n))),
    );
    const settled = await clock.run(newcomers);
    expect(await queued).toBe("queued");
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  });

  it("gives the place of who has given up to the next at once (C10)", async () => {
    const policy = resilient(bulkhead({ limit: 1, queueLimit: 1, queueWaitMs: "1h" }));
    const first = policy.execute(scriptedTask(returns("first", { afterMs: 10 })));
    const caller = new AbortController();
    const gaveUp = policy.execute(works, { signal: caller.signal });
    const reason = new Error("not wanted any more");
    caller.abort(reason);
    const next = policy.execute(() => "next");
    expect(await rejectionOf(gaveUp)).toBe(reason);
    expect(await clock.run(Promise.all([first, next]))).toEqual(["first", "next"]);
  });

  it("that is full says nothing about the dependency: the circuit stays closed (O2)", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const policy = resilient(breaker, bulkhead({ limit: 1 }));
    const running = policy.execute(scriptedTask(returns("fine", { afterMs: 10 })));
    for (let n = 0; n < 10; n++)
      expect(await rejectionOf(policy.execute(works))).toMatchObject({ code: "ERR_BULKHEAD_FULL" });
    expect(breaker.state()).toBe("closed");
    expect(policy.snapshot().circuits).toEqual({});
    expect(await clock.run(running)).toBe("fine");
  });
});
