import { bulkhead, circuitBreaker, resilient, retry, timeout } from "@breakwater/core";
import {
  hangs,
  installVirtualClock,
  returns,
  scriptedTask,
  throws,
} from "@breakwater/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compiledFor } from "../support/laws/drivers.js";
import { PassLedger } from "../support/laws/ledger.js";
import { nestedSchedules, type Schedule, schedules } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { inWorld } from "../support/laws/world.js";

const runs = lawRuns("law 1, every pass is exited exactly once");

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  const exitsOnce = fc.asyncProperty(schedules(driver), expectExits);
  const exitsOnceInside = fc.asyncProperty(nestedSchedules(driver), expectExits);

  async function expectExits({ policy, steps }: Schedule): Promise<void> {
    const ledger = new PassLedger();
    const { parts } = await inWorld(policy, driver, (world) => world.playAll(steps), ledger);
    for (const { given, exited } of ledger.passes) expect(exited).toBe(given);
    expect(parts.bulkhead?.inFlight ?? 0).toBe(0);
    expect(parts.bulkhead?.queued ?? 0).toBe(0);
    expect(parts.rateLimit?.queued ?? 0).toBe(0);
  }

  it("exits every pass exactly once, whatever ends the attempt and whatever is retuned meanwhile", async () => {
    await fc.assert(exitsOnce, runs);
  });

  it("exits each exactly once, too, where calls inside run under what the call around them holds", async () => {
    await fc.assert(exitsOnceInside, runs);
  });

  it("never has more attempts running under a bulkhead than its limit", async () => {
    const property = fc.asyncProperty(schedules(driver), async ({ policy, steps }) => {
      const bounded = {
        ...policy,
        bulkhead: { limit: 2, abandonMs: 1_000_000, queueLimit: 3, queueWaitMs: 50 },
      };
      await inWorld(bounded, driver, async (world) => {
        for (const step of steps) {
          if (!("retune" in step)) await world.play(step);
          const running = world.calls.flatMap((call) =>
            call.runs.filter((run) => run.ended === undefined).slice(-1),
          );
          expect(running.length).toBeLessThanOrEqual(2);
        }
      });
    });
    await fc.assert(property, runs);
  });

  it("exits once also where the task's promise has a `then` of its own that settles twice", async () => {
    const limited = bulkhead({ limit: 5 });
    const policy = compiledFor(driver, () => resilient(circuitBreaker(), limited));
    const twice = Object.assign(Promise.resolve(), {
      // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
      then: (fulfilled: (value: number) => void) => (fulfilled(1), fulfilled(2)),
    });
    expect(await policy.execute((): unknown => twice)).toBe(1);
    expect(limited.inFlight).toBe(0);
  });
});

it("a retry keeps the permit of an earlier attempt of its call that still runs, also after a retry in between", async () => {
  const clock = installVirtualClock();
  const task = scriptedTask(hangs({ deaf: true }), throws(new Error("reset")), returns("fine"));
  const policy = resilient(
    bulkhead({ limit: 1 }),
    retry({ maxAttempts: 3, baseMs: 0 }),
    timeout(50),
  );
  expect(await clock.run(policy.execute(task))).toBe("fine");
  clock.restore();
});
