/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import { BreakwaterError } from "@breakwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { schedules } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { type CallRecord, inWorld, reasonOf } from "../support/laws/world.js";

const runs = lawRuns("law 5, the caller's abort is honoured at once and is nobody's failure");

const aborted = (
  call: CallRecord,
): call is CallRecord & { abortedMs: number; settled: { atMs: number } } =>
  call.abortedMs !== undefined && call.settled !== undefined && call.settled.atMs >= call.abortedMs;

/** Its wait was over, or its turn came to nothing, in the millisecond in which its caller gave up. */
function endedByItself({ settled, runs: ran }: CallRecord): boolean {
  return ran.length === 0 && settled !== undefined && "error" in settled
    ? settled.error instanceof BreakwaterError
    : false;
}

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  it("ends a call that waits at once, with the caller's reason, and starts no attempt after it", async () => {
    const property = fc.asyncProperty(schedules(driver), async ({ policy, steps }) => {
      const { calls } = await inWorld(policy, driver, (world) => world.playAll(steps));
      for (const call of calls.filter(aborted)) {
        const { abortedMs, settled, runs: ran } = call;
        expect(ran.filter(({ beganMs }) => beganMs > abortedMs)).toEqual([]);
        const running = ran.some(({ ended }) => ended === undefined || ended.atMs >= abortedMs);
        if (!running && settled.atMs > abortedMs)
          expect.unreachable("nothing ran, and the call did not end at once");
        if (abortedMs < settled.atMs || running) continue;
        // A call that ended in the same millisecond may have ended by itself, just before.
        const [last] = ran.slice(-1);
        if (last?.ended?.atMs !== abortedMs && !endedByItself(call))
          expect(settled).toEqual({ error: reasonOf(call), atMs: abortedMs });
      }
    });
    await fc.assert(property, runs);
  });

  it("does not run the task of a caller that has given up before", async () => {
    const property = fc.asyncProperty(schedules(driver), async ({ policy, steps }) => {
      await inWorld(policy, driver, async (world) => {
        for (const step of steps) {
          if (!("call" in step)) {
            await world.play(step);
            continue;
          }
          const before = world.state();
          const call = world.call({ ...step.call, abortAfterMs: 0 });
          await world.clock.advance(0);
          expect(call.runs).toEqual([]);
          expect(call.settled).toEqual({ error: reasonOf(call), atMs: world.nowMs });
          expect(world.state()).toEqual(before);
        }
      });
    });
    await fc.assert(property, runs);
  });

  it("is nobody's failure: a circuit that hears of nothing but aborts stays as good as new", async () => {
    const property = fc.asyncProperty(schedules(driver), async ({ policy, steps }) => {
      const patient = {
        ...policy,
        breaker: { consecutiveFailures: 1 },
        attemptTimeoutMs: undefined,
        deadlineMs: undefined,
      };
      await inWorld(patient, driver, async (world) => {
        for (const step of steps) {
          const abortAfterMs = "call" in step ? (step.call.abortAfterMs ?? 10) : 0;
          const hanging = { ends: "hangs", status: 503, afterMs: 0, heedsAbort: true } as const;
          if ("call" in step)
            await world.play({ call: { key: undefined, runs: [hanging], abortAfterMs } });
          else if ("advanceMs" in step) await world.play(step);
        }
        await world.clock.advance(100);
        expect(world.state().circuits).toEqual({});
        for (const call of world.calls.filter(({ runs: ran }) => ran.length > 0))
          expect(call.settled).toEqual({ error: reasonOf(call), atMs: call.abortedMs });
      });
    });
    await fc.assert(property, runs);
  });
});
