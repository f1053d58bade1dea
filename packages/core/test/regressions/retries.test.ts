import { circuitBreaker, explainError, resilient, retry, retryBudget } from "@breakwater/core";
import { eventLog, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { rejectionOf, reset } from "./fixtures.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

useVirtualClock({ seed: 7 });

describe("retries", () => {
  it("end with the task's own error, the same object (R1)", async () => {
    const errors = [new TypeError("fetch failed"), reset(), reset()] as const;
    const task = scriptedTask(throws(errors[0]), throws(errors[1]), throws(errors[2]));
    const policy = resilient(retry({ maxAttempts: 3 }));
    expect(await rejectionOf(clock.run(policy.execute(task)))).toBe(errors[2]);
    expect(task.runs).toHaveLength(3);
  });

  it("are what is left of maxAttempts after the first attempt (C2)", async () => {
    const task = scriptedTask(throws(reset()));
    await rejectionOf(clock.run(resilient(retry({ maxAttempts: 3 })).execute(task)));
    expect(task.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it("are bounded and spaced when nothing is said about them (C2)", async () => {
    const task = scriptedTask(throws(reset()));
    const policy = resilient(retry({}));
    const waits = eventLog(policy, "retry.scheduled");
    await rejectionOf(clock.run(policy.execute(task)));
    expect(task.runs).toHaveLength(3);
    expect(waits.every((event) => "delayMs" in event && event.delayMs > 0)).toBe(true);
  });

  it("double their delay from baseMs up to maxMs (C3)", async () => {
    const bounds = { baseMs: 150, maxMs: 1_000 } as const;
    expect(await delays({ ...bounds, jitter: "none" })).toEqual([150, 300, 600, 1_000]);
  });

  it.each(["full", "equal", "decorrelated"] as const)(
    "heed baseMs and maxMs whatever the jitter: %s (C3)",
    async (jitter) => {
      const some = await delays({ baseMs: 150, maxMs: 1_000, jitter });
      const ten = await delays({ baseMs: 1_500, maxMs: 10_000, jitter });
      expect(Math.max(...some)).toBeLessThanOrEqual(1_000);
      expect(Math.max(...ten)).toBeGreaterThan(1_000);
    },
  );

  it("end as soon as the circuit has opened, with the task's error (C12)", async () => {
    const error = reset();
    const policy = resilient(
      circuitBreaker({ consecutiveFailures: 2 }),
      retryBudget(),
      retry({ maxAttempts: 5 }),
    );
    const task = scriptedTask(throws(error));
    const beganMs = clock.nowMs;
    expect(await rejectionOf(clock.run(policy.execute(task)))).toBe(error);
    expect(task.runs).toHaveLength(2);
    expect(clock.nowMs - beganMs).toBeLessThanOrEqual(200); // one backoff, and none after the second
    expect(explainError(error)).toMatchObject({ stoppedBy: "refused" });
  });

  it("also follow a task that throws synchronously (M7)", async () => {
    const policy = resilient(retry({ maxAttempts: 3 }));
    let runs = 0;
    const task = (): string => {
      if (++runs < 3) throw reset();
      return "fine";
    };
    expect(await clock.run(policy.execute(task))).toBe("fine");
    expect(runs).toBe(3);
  });

  it("return whatever the last attempt returns, undefined too (O8)", async () => {
    const policy = resilient(circuitBreaker(), retry());
    const task = scriptedTask<undefined>(throws(reset()), returns(undefined));
    expect(await clock.run(policy.execute(task))).toBeUndefined();
  });
});

async function delays(options: NonNullable<Parameters<typeof retry>[0]>): Promise<number[]> {
  const policy = resilient(retry({ ...options, maxAttempts: 5 }));
  const waits: number[] = [];
  policy.on("retry.scheduled", ({ delayMs }) => void waits.push(delayMs));
  await rejectionOf(clock.run(policy.execute(scriptedTask(throws(reset())))));
  return waits;
}
