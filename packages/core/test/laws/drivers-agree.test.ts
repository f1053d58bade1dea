import fc from "fast-check";
import { expect, it } from "vitest";
import { comparable } from "../support/laws/comparable.js";
import type { DriverName } from "../support/laws/drivers.js";
import { type Schedule, schedules } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { inWorld } from "../support/laws/world.js";

const runs = lawRuns("both drivers agree");

function play({ policy, steps }: Schedule, driver: DriverName): Promise<object> {
  return inWorld(policy, driver, async (world) => {
    await world.playAll(steps);
    return comparable(world);
  });
}

it("a plan that fits the driver direct behaves the same with drive: results, errors, reports, events and state", async () => {
  const property = fc.asyncProperty(schedules("direct", 24), async (schedule) => {
    expect(await play(schedule, "drive")).toEqual(await play(schedule, "direct"));
  });
  await fc.assert(property, runs);
});
