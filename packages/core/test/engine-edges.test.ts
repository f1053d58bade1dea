import {
  bulkhead,
  type Call,
  circuitBreaker,
  deadline,
  explainError,
  resilient,
  retry,
  retryBudget,
  timeout,
  withCall,
} from "@breakwater/core";
import { eventLog, hangs, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const down = (): Promise<never> => Promise.reject(new Error("down"));

describe("a caller's abort while the task runs", () => {
  it("with a TimeoutError counts as a timeout, also where the plan has a timeout of its own", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const controller = new AbortController();
    const call = resilient(breaker, timeout("5s")).execute(scriptedTask(hangs()), {
      signal: controller.signal,
    });
    const expected = expect(call).rejects.toMatchObject({ name: "TimeoutError" });
    controller.abort(new DOMException("too late", "TimeoutError"));
    await expected;
    expect(breaker.state()).toBe("open");
  });

  it("is nobody's failure, also where the task never reads its signal and runs out of time later", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const controller = new AbortController();
    const call = resilient(breaker, timeout(100)).execute(() => new Promise(() => {}), {
      signal: controller.signal,
    });
    const expected = expect(call).rejects.toBe("enough");
    controller.abort("enough");
    await clock.advance(100);
    await expected;
    expect(breaker.state()).toBe("closed");
  });

  it("leaves no listener on a signal that lives on, whenever the task reads it", async () => {
    const { signal } = new AbortController();
    const policy = resilient(timeout("1s"), retry({ baseMs: 10 }));
    for (let n = 0; n < 5; n++) {
      let seen: Call | undefined;
      const task = scriptedTask(throws(new Error("down")), returns(1));
      await clock.run(policy.execute((call) => task((seen = call)), { signal }));
      expect(seen?.signal.aborted).toBe(false);
    }
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

const limited = () => resilient(deadline("1s"), circuitBreaker());

describe("the deadline of a call", () => {
  it("that is null is not given", async () => {
    expect(await limited().execute(() => 1, { deadlineMs: null as never })).toBe(1);
  });

  it("may be a text, as every duration", async () => {
    const remaining = await limited().execute((call) => call.remainingMs, { deadlineMs: "250ms" });
    expect(remaining).toBe(250);
  });

  it("that is over before it begins runs nothing", async () => {
    const task = scriptedTask(returns(1));
    await expect(
      resilient(circuitBreaker()).execute(task, { deadlineMs: 0 }),
    ).rejects.toMatchObject({
      code: "ERR_DEADLINE_EXCEEDED",
    });
    expect(task.runs).toHaveLength(0);
  });

  it("beyond any timer limits nothing", async () => {
    const unlimited = resilient(circuitBreaker());
    expect(
      await unlimited.execute((call) => call.remainingMs, { deadlineMs: Infinity }),
    ).toBeUndefined();
  });

  it("is what stopped a call of one attempt that it has cut off", async () => {
    const call = resilient(circuitBreaker()).execute(scriptedTask(hangs()), { deadlineMs: 50 });
    const error: unknown = await clock.run(call.catch((thrown: unknown) => thrown));
    expect(explainError(error)).toMatchObject({ stoppedBy: "deadline" });
  });

  it("with an option that there is not is refused", async () => {
    await expect(limited().execute(() => 1, { timeout: 1 } as never)).rejects.toMatchObject({
      code: "ERR_INVALID_SPEC",
    });
  });
});

describe("a bulkhead", () => {
  it("never gives up the permit of a retry that is in time, however old that of its first attempt is", async () => {
    const room = bulkhead({ limit: 1, abandonMs: 50 });
    const policy = resilient(room, timeout(100), retry({ baseMs: 0 }), retryBudget());
    const call = policy.execute(
      scriptedTask(hangs({ deaf: true }), returns("fine", { afterMs: 90 })),
    );
    await clock.advance(160);
    await expect(policy.execute(() => 1)).rejects.toMatchObject({ code: "ERR_BULKHEAD_FULL" });
    expect(await clock.run(call)).toBe("fine");
  });

  it("without a name goes by that of the first policy that uses it", async () => {
    const policy = resilient(bulkhead({ limit: 1 }), { name: "jobs" });
    void policy.execute(() => new Promise(() => {}));
    await expect(policy.execute(() => 1)).rejects.toMatchObject({
      guard: "jobs",
      message: expect.stringContaining("bulkhead jobs is full: 1 attempt is running") as string,
    });
  });

  it("cannot be told to count otherwise while it counts", () => {
    const room = bulkhead({ limit: 1 });
    expect(() => room.retune({ limit: 1, perKey: true })).toThrow("bulkhead.perKey");
    room.retune({ limit: 2 });
  });
});

describe("a result that nobody will get", () => {
  it("may fail to be discarded without anybody noticing", async () => {
    const hostile = {
      [Symbol.toStringTag]: "Response",
      status: 503,
      body: {
        cancel() {
          throw new Error("locked");
        },
      },
    };
    const task = scriptedTask<unknown>(returns(hostile), returns("fine"));
    expect(await clock.run(resilient(retry({ baseMs: 0 })).execute(task))).toBe("fine");
  });
});

describe("sums in binary", () => {
  it("open a circuit at its ratio, not above it", async () => {
    const breaker = circuitBreaker({
      failureRatio: 0.55,
      window: { count: 100 },
      minimumCalls: 100,
    });
    const policy = resilient(breaker);
    for (let n = 0; n < 100; n++)
      await (n < 45 ? policy.execute(() => 1) : policy.execute(down).catch(() => {}));
    expect(breaker.state()).toBe("open");
  });

  it("close a circuit with as many probes as its ratio asks for", async () => {
    const breaker = circuitBreaker({
      consecutiveFailures: 1,
      openMs: 10,
      probes: 50,
      probeSuccessRatio: 0.14,
    });
    const policy = resilient(breaker);
    await policy.execute(down).catch(() => {});
    await clock.advance(20);
    for (let n = 0; n < 7; n++) await policy.execute(() => 1);
    expect(breaker.state()).toBe("closed");
  });
});

it("decorrelated jitter spreads the first delay, too", async () => {
  const policy = resilient(
    retry({ baseMs: 100, jitter: "decorrelated", maxAttempts: 2 }),
    retryBudget(),
  );
  const events = eventLog(policy, "retry.scheduled");
  for (let n = 0; n < 6; n++) await clock.run(policy.execute(down).catch(() => {}));
  const delays = events.map((event) => ("delayMs" in event ? event.delayMs : 0));
  expect(new Set(delays).size).toBeGreaterThan(1);
  expect(delays.every((delayMs) => delayMs >= 100 && delayMs <= 300)).toBe(true);
});

it("a budget that is given other options gives nothing away for time that has passed", async () => {
  const budget = retryBudget({ ratio: 0, reserve: 1, reserveRefillMs: "1h" });
  await clock.run(
    resilient(budget, retry({ baseMs: 0 }))
      .execute(down)
      .catch(() => {}),
  );
  await clock.advance(3_000_000);
  budget.retune({ ratio: 0, reserve: 20, reserveRefillMs: "1s" });
  expect(budget.available().reserve).toBeLessThanOrEqual(1);
});

it("an unnamed policy asks for a name once", async () => {
  const policy = resilient(circuitBreaker());
  const logs = [eventLog(policy), eventLog(policy)];
  await clock.advance(0);
  expect(logs.map((log) => log.map(({ type }) => type))).toEqual([["policy.unnamed"], []]);
});

it("a call begun in a withCall block is inside the attempt around it, however late its error arrives", async () => {
  const runs: number[] = [];
  const inner = resilient(retry({ baseMs: 0 })).wrap(async () => {
    runs.push(clock.nowMs);
    throw new Error("down");
  });
  const cleansUp = async (): Promise<void> => {
    await withCall({ idempotent: true }, inner).catch(async (error: unknown) => {
      await new Promise((resolve) => setImmediate(resolve));
      throw error;
    });
  };
  await expect(resilient(retry({ baseMs: 0 })).execute(cleansUp)).rejects.toThrow("down");
  expect(runs).toHaveLength(3);
});
