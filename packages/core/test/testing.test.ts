import { bulkhead, circuitBreaker, resilient, retry, retryBudget, timeout } from "@breakwater/core";
import {
  eventLog,
  hangs,
  installVirtualClock,
  resetState,
  returns,
  scriptedTask,
  throws,
} from "@breakwater/core/testing";
import { afterEach, describe, expect, it, vi } from "vitest";

afterEach(() => void vi.useRealTimers());

async function delays(seed: number): Promise<unknown[]> {
  using clock = installVirtualClock({ seed });
  const policy = resilient(retry({ maxAttempts: 5 }), retryBudget());
  const events = eventLog(policy, "retry.scheduled");
  await clock.run(policy.execute(scriptedTask(throws(new Error("down")))).catch(() => {}));
  return events.map((event) => ("delayMs" in event ? event.delayMs : undefined));
}

const sleeps = (ms: number) => (): Promise<unknown> =>
  new Promise((resolve) => setTimeout(resolve, ms, "slept"));

describe("the virtual clock", () => {
  it("moves policies that were made before it, and their waits end when it says so", async () => {
    const policy = resilient(timeout("1h"));
    using clock = installVirtualClock();
    let ended = false;
    const call = policy.execute(scriptedTask(hangs())).catch(() => (ended = true));
    await clock.advance(3_599_999);
    expect(ended).toBe(false);
    await clock.advance(1);
    expect(await call).toBe(true);
  });

  it("is not moved by the machine's own time, however slow that is", async () => {
    const policy = resilient(timeout("1h"));
    await policy.execute(() => "fine"); // the machine's clock runs from here on
    using clock = installVirtualClock();
    let ended = false;
    const call = policy.execute(scriptedTask(hangs())).catch(() => (ended = true));
    const untilMs = performance.now() + 60;
    while (performance.now() < untilMs);
    await new Promise((resolve) => void setTimeout(resolve, 20));
    await clock.advance(3_600_000);
    expect(ended).toBe(true);
    await call;
  });

  it("run() lets as much time pass as a promise takes", async () => {
    using clock = installVirtualClock();
    const beganMs = clock.nowMs;
    const policy = resilient(retry({ baseMs: 700, maxMs: 700, jitter: "none" }));
    const task = scriptedTask(throws(new Error("down")), returns("fine", { afterMs: 50 }));
    expect([await clock.run(policy.execute(task)), clock.nowMs - beganMs]).toEqual(["fine", 750]);
    expect(task.runs.map(({ attempt, atMs }) => [attempt, atMs - beganMs])).toEqual([
      [1, 0],
      [2, 700],
    ]);
  });

  it("run() says so when no virtual time can bring the promise about", async () => {
    using clock = installVirtualClock();
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow("no virtual time");
  });

  it("the same seed gives the same chance", async () => {
    const [one, again, other] = [await delays(1), await delays(1), await delays(2)];
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
    expect(one).toHaveLength(4);
  });

  it("is one at a time, and restored it gives time back without a step backwards", async () => {
    const clock = installVirtualClock();
    expect(() => installVirtualClock()).toThrow("restore()");
    await clock.advance(3_600_000);
    const endedMs = clock.nowMs;
    clock.restore();
    clock.restore();
    using next = installVirtualClock();
    expect(next.nowMs).toBeGreaterThanOrEqual(endedMs);
  });

  it("works beside fake timers, which move what the task itself waits for", async () => {
    vi.useFakeTimers();
    using clock = installVirtualClock();
    const policy = resilient(timeout("1s"));
    const slept = policy.execute(sleeps(5_000));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await slept).toBe("slept");
    const hung = policy.execute(sleeps(5_000)).catch(({ code }: { code: string }) => code);
    await clock.advance(1_000);
    expect(await hung).toBe("ERR_ATTEMPT_TIMEOUT");
  });

  it("is not needed where fake timers are: without it policies follow them", async () => {
    vi.useFakeTimers();
    const breaker = circuitBreaker({
      consecutiveFailures: 1,
      openMs: 10_000,
      maxOpenMs: 10_000,
      probes: 1,
    });
    const policy = resilient(breaker);
    await policy.execute(() => Promise.reject(new Error("down"))).catch(() => {});
    await vi.advanceTimersByTimeAsync(5_000);
    await expect(policy.execute(() => 1)).rejects.toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await policy.execute(() => 1)).toBe(1);
  });
});

describe("resetState", () => {
  it("closes circuits, fills reserves and gives up abandoned work, as if all had just been made", async () => {
    using clock = installVirtualClock();
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: "1h" });
    const [budget, limited] = [retryBudget({ ratio: 0, reserve: 1 }), bulkhead({ limit: 1 })];
    const policy = resilient(
      breaker,
      budget,
      limited,
      timeout(50),
      retry({ baseMs: 0, maxAttempts: 2 }),
    );
    const deaf = scriptedTask(throws({ status: 429 }), hangs({ deaf: true }));
    await clock.run(policy.execute(deaf, { key: "eu" }).catch(() => {}));
    expect([breaker.state("eu"), budget.available().reserve, limited.inFlight]).toEqual([
      "open",
      0,
      1,
    ]);
    resetState();
    expect([breaker.state("eu"), budget.available().reserve, limited.inFlight]).toEqual([
      "closed",
      1,
      0,
    ]);
    expect(await policy.execute(() => "fine", { key: "eu" })).toBe("fine");
  });
});

describe("a scripted task", () => {
  it("takes a step a run and repeats the last one", async () => {
    const task = scriptedTask(throws("first"), returns(1), returns(2));
    const policy = resilient(bulkhead({ limit: 9 }));
    const outcomes = [];
    for (let run = 0; run < 4; run++) outcomes.push(await policy.execute(task).catch(String));
    expect(outcomes).toEqual(["first", 1, 2, 2]);
  });

  it("that hangs heeds its signal, unless it is deaf", async () => {
    const policy = resilient(bulkhead({ limit: 9 }));
    const controller = new AbortController();
    const heeding = policy.execute(scriptedTask(hangs()), { signal: controller.signal });
    const settled = vi.fn<() => void>();
    void policy
      .execute(scriptedTask(hangs({ deaf: true })), { signal: controller.signal })
      .then(settled, settled);
    controller.abort("enough");
    await expect(heeding).rejects.toBe("enough");
    expect(settled).not.toHaveBeenCalled();
  });
});
