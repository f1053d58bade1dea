import {
  bulkhead,
  circuitBreaker,
  type Policy,
  rateLimit,
  resilient,
  timeout,
} from "@breakwater/core";
import { hangs, returns, scriptedTask } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { clock as time } from "../src/time/clock.js";
import { fail, fails, rejectionOf, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const OPEN_MS = 10_000;
const brittle = (probes = 3) =>
  circuitBreaker({ consecutiveFailures: 1, openMs: OPEN_MS, maxOpenMs: OPEN_MS, probes });

/** Waits `count` times; tells in which order, and when, they were let go. */
function waitTimes(policy: Policy, count: number): { readonly letGo: number[] } {
  const letGo: number[] = [];
  for (let n = 0; n < count; n++) void policy.ready().then(() => letGo.push(n));
  return { letGo };
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe("ready()", () => {
  it("resolves at once while the circuit is closed, and where nothing can refuse", async () => {
    const beganMs = clock.nowMs;
    await resilient(circuitBreaker()).ready();
    await resilient(timeout(100)).ready();
    expect(clock.nowMs).toBe(beganMs);
  });

  it("waits until the opening of the circuit is over, and not much longer", async () => {
    const policy = resilient(brittle());
    await fail(clock, policy, 1);
    const refusal = await rejectionOf(policy.execute(works));
    const { retryAfterMs } = refusal as { retryAfterMs: number };
    const beganMs = clock.nowMs;
    await clock.run(policy.ready());
    expect(clock.nowMs - beganMs).toBe(retryAfterMs);
    expect(await policy.execute(works)).toBe("fine");
  });

  it("lets go as many as there are probes, first in, first out, and the rest once those have decided", async () => {
    const breaker = brittle();
    const policy = resilient(breaker);
    await fail(clock, policy, 1);
    const letGo: number[] = [];
    const outcomes: unknown[] = [];
    const probe = scriptedTask(returns("fine", { afterMs: 5_000 }));
    for (const n of upTo(10))
      void policy
        .ready()
        .then(() => letGo.push(n))
        .then(() => policy.execute(probe))
        .then((value) => outcomes.push(value));
    await clock.advance(2 * OPEN_MS - 7_000);
    expect(letGo).toEqual([0, 1, 2]);
    await clock.advance(7_000);
    expect(breaker.state()).toBe("closed");
    expect(letGo).toEqual(upTo(10));
    await clock.advance(5_000);
    expect(outcomes).toEqual(Array(10).fill("fine"));
  });

  it("goes on waiting when the probes fail", async () => {
    const policy = resilient(brittle(1));
    await fail(clock, policy, 1);
    const { letGo } = waitTimes(policy, 3);
    void policy.ready().catch(() => {});
    while (letGo.length === 0) await clock.advance(1);
    await rejectionOf(policy.execute(fails));
    await clock.advance(OPEN_MS / 2);
    expect(letGo).toEqual([0]);
    await clock.advance(OPEN_MS);
    expect(letGo.length).toBeGreaterThan(1);
  });

  it("lets go no more than there are probes, also when all ask only after the opening", async () => {
    const policy = resilient(brittle());
    await fail(clock, policy, 1);
    await clock.advance(2 * OPEN_MS);
    const task = scriptedTask(returns("fine", { afterMs: 100 }));
    const calls = upTo(10).map(async () => {
      await policy.ready();
      return policy.execute(task);
    });
    expect(await clock.run(Promise.all(calls))).toEqual(Array(10).fill("fine"));
  });

  it("costs who asks before each of many calls no time while there is room", async () => {
    const policy = resilient(bulkhead({ limit: 1 }));
    const beganMs = clock.nowMs;
    for (let n = 0; n < 50; n++) {
      await policy.ready();
      await policy.execute(works);
    }
    expect(clock.nowMs).toBe(beganMs);
  });

  it("gives the room of those who never begin to the next, soon", async () => {
    const policy = resilient(brittle(1));
    await fail(clock, policy, 1);
    const { letGo } = waitTimes(policy, 3);
    await clock.advance(2 * OPEN_MS);
    expect(letGo).toEqual([0, 1, 2]);
  });

  it("waits for room in a bulkhead, as many as there is room for", async () => {
    const policy = resilient(bulkhead({ limit: 2 }));
    const [short, long] = [1_000, 3_000].map((afterMs) =>
      policy.execute(scriptedTask(returns("fine", { afterMs }))),
    );
    const letGo: number[] = [];
    for (const n of upTo(3))
      void policy
        .ready()
        .then(() => letGo.push(n))
        .then(() => policy.execute(scriptedTask(hangs())));
    await clock.advance(990);
    expect(letGo).toEqual([]);
    await clock.advance(100);
    expect(letGo).toEqual([0]);
    await clock.advance(3_000);
    expect(letGo).toEqual([0, 1]);
    expect(await Promise.all([short, long])).toEqual(["fine", "fine"]);
  });

  it("keeps to a rate", async () => {
    const policy = resilient(rateLimit({ perSecond: 10, burst: 1 }));
    const beganMs = clock.nowMs;
    const atMs: number[] = [];
    const calls = upTo(5).map(async () => {
      await policy.ready();
      await policy.execute(async () => void atMs.push(clock.nowMs - beganMs));
    });
    await clock.run(Promise.all(calls));
    expect(atMs).toEqual([0, 100, 200, 300, 400]);
  });

  it.each([3, 7, 0.3, 9.7])(
    "is never surer than a limiter of %d a second itself",
    async (perSecond) => {
      const policy = resilient(rateLimit({ perSecond, burst: 3 }));
      for (let n = 0; n < 200; n++) {
        await clock.run(policy.ready());
        expect(await policy.execute(works)).toBe("fine");
      }
    },
  );

  it("ends with the reason of its signal, at once, and lets the next one go in its place", async () => {
    const policy = resilient(brittle(1));
    await fail(clock, policy, 1);
    const caller = new AbortController();
    const reason = new Error("not wanted any more");
    const first = rejectionOf(policy.ready({ signal: caller.signal }));
    const { letGo } = waitTimes(policy, 1);
    caller.abort(reason);
    expect(await first).toBe(reason);
    expect(await rejectionOf(policy.ready({ signal: caller.signal }))).toBe(reason);
    await clock.advance(2 * OPEN_MS);
    expect(letGo).toEqual([0]);
  });

  it("waits for the circuit of its key only", async () => {
    const policy = resilient(brittle());
    await rejectionOf(policy.execute(fails, { key: "EUR" }));
    const beganMs = clock.nowMs;
    await policy.ready();
    await policy.ready({ key: "USD" });
    expect(clock.nowMs).toBe(beganMs);
    await clock.run(policy.ready({ key: "EUR" }));
    expect(clock.nowMs).toBeGreaterThan(beganMs);
  });

  it("waits for the circuit of the key that the policy's own function gives", async () => {
    const policy = resilient(brittle(), { key: () => "EUR" });
    await fail(clock, policy, 1);
    const beganMs = clock.nowMs;
    await clock.run(policy.ready());
    expect(clock.nowMs).toBeGreaterThan(beganMs);
  });

  it("is not held for ever by probes that hang", async () => {
    const breaker = circuitBreaker({
      consecutiveFailures: 1,
      openMs: 1_000,
      probes: 1,
      probeMs: 5_000,
    });
    const policy = resilient(breaker);
    await fail(clock, policy, 1);
    await clock.run(policy.ready());
    void policy.execute(scriptedTask(hangs({ deaf: true })));
    const ready = policy.ready();
    const beganMs = clock.nowMs;
    await clock.run(ready);
    expect(clock.nowMs - beganMs).toBeGreaterThan(5_000);
    expect(await policy.execute(works)).toBe("fine");
  });

  it("notices within a second that the breaker was retuned or reset", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: "1h", maxOpenMs: "1h" });
    const policy = resilient(breaker);
    await fail(clock, policy, 1);
    const beganMs = clock.nowMs;
    const ready = policy.ready();
    await clock.advance(60_000);
    breaker.retune({ consecutiveFailures: 1, openMs: "30s" });
    await clock.run(ready);
    expect(clock.nowMs - beganMs).toBeLessThanOrEqual(61_000);
  });

  it("holds no timer when nobody waits any more", async () => {
    const policy = resilient(brittle());
    await fail(clock, policy, 1);
    const caller = new AbortController();
    const timers = new Set<object>();
    const [setTimer, clearTimer] = [time.setTimer.bind(time), time.clearTimer.bind(time)];
    time.setTimer = (fn, ms) => {
      const timer: object = setTimer(() => {
        timers.delete(timer);
        fn();
      }, ms);
      timers.add(timer);
      return timer;
    };
    time.clearTimer = (timer) => {
      if (timer !== undefined) timers.delete(timer);
      clearTimer(timer);
    };
    const waiting = upTo(3).map(() => rejectionOf(policy.ready({ signal: caller.signal })));
    expect(timers.size).toBe(1);
    caller.abort(new Error("not wanted any more"));
    await Promise.all(waiting);
    expect(timers.size).toBe(0);
    const { letGo } = waitTimes(policy, 3);
    await clock.advance(2 * OPEN_MS);
    expect(letGo).toHaveLength(3);
    expect(timers.size).toBe(0);
  });
});
