import { bulkhead, circuitBreaker, resilient, timeout } from "@breakwater/core";
import { hangs, installVirtualClock, scriptedTask } from "@breakwater/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CallSpec, type RunSpec, schedules } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { inWorld } from "../support/laws/world.js";

const runs = lawRuns("law 8, no state can stick");

const always = (ends: RunSpec["ends"]) =>
  ({
    runs: [{ ends, status: 503, afterMs: 0, heedsAbort: false }],
    abortAfterMs: undefined,
  }) satisfies Omit<CallSpec, "key">;

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  it("however it got there, a circuit closes once the dependency is well, though probes hang for ever", async () => {
    const property = fc.asyncProperty(schedules(driver), async ({ policy, steps }) => {
      await inWorld({ ...policy, bulkhead: undefined }, driver, async (world) => {
        await world.playAll(steps);
        for (const key of [undefined, "a"]) {
          // The dependency fails, then hangs, and then is well; what hangs goes on hanging. Each time all waits run out.
          for (const ends of ["throws", "hangs", "returns", "returns"] as const) {
            for (let calls = 0; calls < 4; calls++)
              await world.play({ call: { ...always(ends), key } });
            await world.clock.advance(100_000);
          }
          expect(world.parts.breaker?.state(key) ?? "closed").toBe("closed");
        }
        expect(world.calls.slice(-3).map(({ settled }) => settled && "value" in settled)).toEqual([
          true,
          true,
          true,
        ]);
      });
    });
    await fc.assert(property, runs);
  });
});

it("hung tasks cannot wedge a bulkhead that has a timeout: their permits are found after abandonMs", async () => {
  const property = fc.asyncProperty(schedules("drive"), async ({ policy, steps }) => {
    const limited = {
      ...policy,
      bulkhead: policy.bulkhead ?? { limit: 1, abandonMs: 100 },
      attemptTimeoutMs: 20,
    };
    await inWorld({ ...limited, breaker: undefined }, "drive", async (world) => {
      await world.playAll(steps);
      await world.clock.advance(1_000);
      const call = world.call({ ...always("returns"), key: undefined });
      await world.clock.advance(0);
      expect(call.settled).toMatchObject({ value: expect.anything() as unknown });
    });
  });
  await fc.assert(property, runs);
});

it("tells of a permit that it has taken back from hung work", async () => {
  const clock = installVirtualClock();
  const policy = resilient(bulkhead({ limit: 1, abandonMs: 500 }), timeout(100));
  const abandoned: number[] = [];
  policy.on("attempt.abandoned", ({ ranForMs }) => abandoned.push(ranForMs));
  await clock.run(policy.execute(scriptedTask(hangs({ deaf: true }))).catch(() => {}));
  await clock.advance(499);
  await expect(policy.execute(() => "early")).rejects.toMatchObject({ code: "ERR_BULKHEAD_FULL" });
  await clock.advance(1);
  expect(await policy.execute(() => "fine")).toBe("fine");
  expect(abandoned).toEqual([500]);
  clock.restore();
});

it("fewer probes, asked for when as many have been answered, decide at once and not never", async () => {
  const clock = installVirtualClock();
  const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 100, probes: 3 });
  const policy = resilient(breaker);
  await policy.execute(() => Promise.reject(new Error("reset"))).catch(() => {});
  await clock.advance(200);
  await policy.execute(() => "the first probe");
  breaker.retune({ consecutiveFailures: 1, openMs: 100, probes: 1 });
  await policy.execute(() => "fine").catch(() => {});
  expect(breaker.state()).toBe("closed");
  clock.restore();
});
