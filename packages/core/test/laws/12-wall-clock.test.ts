import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparable } from "../support/laws/comparable.js";
import type { DriverName } from "../support/laws/drivers.js";
import { type Schedule, schedules } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { inWorld } from "../support/laws/world.js";

const runs = lawRuns("law 12, a wall clock that jumps changes nothing");

/** Plays the schedule; after each step the wall clock shows another time: an hour on, a year back. */
function play(
  { policy, steps }: Schedule,
  driver: DriverName,
  jumpsMs: readonly number[],
): Promise<object> {
  return inWorld(policy, driver, async (world) => {
    for (const [index, step] of steps.entries()) {
      world.clock.wallMs += jumpsMs[index % jumpsMs.length] ?? 0;
      await world.play(step);
      if (index % 4 === 3) await throughStorage(world, jumpsMs[index % jumpsMs.length] ?? 0);
    }
    return comparable(world);
  });
}

/** State that is stored and restored in the same boot of the machine, with a jump of the wall clock in between. */
async function throughStorage(
  { policy, clock }: Parameters<Parameters<typeof inWorld>[2]>[0],
  jumpMs: number,
): Promise<void> {
  const snapshot = policy.snapshot();
  clock.wallMs += jumpMs;
  await clock.advance(7);
  policy.restore(snapshot);
}

const jumps = fc.array(fc.integer({ min: -31_536_000_000, max: 31_536_000_000 }), {
  minLength: 1,
  maxLength: 4,
});

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  it("has no part in results, events and state, wherever the wall clock jumps", async () => {
    const property = fc.asyncProperty(schedules(driver, 20), jumps, async (schedule, jumpsMs) => {
      expect(await play(schedule, driver, jumpsMs)).toEqual(await play(schedule, driver, []));
    });
    await fc.assert(property, runs);
  });

  it("shows in what is stored: when an event happened, when a snapshot was taken", async () => {
    const property = fc.asyncProperty(fc.nat(2_000_000_000), async (wallMs) => {
      await inWorld({}, driver, async (world) => {
        world.clock.wallMs = wallMs;
        await world.play({
          call: {
            runs: [{ ends: "returns", status: 0, afterMs: 0, heedsAbort: false }],
            key: undefined,
            abortAfterMs: undefined,
          },
        });
        expect(world.events.map(({ at }) => at)).toEqual([wallMs]);
        expect(world.policy.snapshot().takenAt.wallMs).toBe(wallMs);
      });
    });
    await fc.assert(property, runs);
  });
});
