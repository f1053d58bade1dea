import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PassLedger } from "../support/laws/ledger.js";
import { expectOwnError } from "../support/laws/own-error.js";
import { nestedSchedules, overridden, schedules, type Step } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { inWorld, type Makers, type World } from "../support/laws/world.js";

const runs = lawRuns("an override at a random moment breaks none of the laws");

let worlds = 0;
/** The policies of earlier worlds are there until the garbage collector comes: an override is not to reach them. */
const alone = (): Makers => ({ options: { name: `storm ${++worlds}` } });

/** A call that is made while its key is blocked is refused at once. */
async function playWatching(world: World, steps: readonly Step[]): Promise<World> {
  for (const step of steps) {
    const isBlocked = "call" in step && world.isBlocked(step.call.key);
    await world.play(step);
    const { settled, runs: ran, abortedMs } = world.calls.at(-1) ?? {};
    if (!isBlocked || abortedMs !== undefined) continue;
    expect(ran).toEqual([]);
    expect(settled).toMatchObject({ error: { code: "ERR_CIRCUIT_FORCED_OPEN" } });
  }
  return world;
}

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  it("every pass is exited exactly once, and nobody is left in a room or a queue", async () => {
    const storms = fc.oneof(overridden(schedules(driver)), overridden(nestedSchedules(driver)));
    const property = fc.asyncProperty(storms, async ({ policy, steps }) => {
      const ledger = new PassLedger();
      const { parts } = await inWorld(policy, driver, (world) => world.playAll(steps), {
        breaker: ledger.breaker,
        rateLimit: ledger.rateLimit,
        bulkhead: ledger.bulkhead,
        ...alone(),
      });
      for (const { given, exited } of ledger.passes) expect(exited).toBe(given);
      expect(parts.bulkhead?.inFlight ?? 0).toBe(0);
      expect(parts.bulkhead?.queued ?? 0).toBe(0);
      expect(parts.rateLimit?.queued ?? 0).toBe(0);
    });
    await fc.assert(property, runs);
  });

  it("no attempt begins while its key is blocked, and every call settles with its task's own last error or a refusal", async () => {
    const property = fc.asyncProperty(overridden(schedules(driver)), async ({ policy, steps }) => {
      const play = (world: World): Promise<World> => playWatching(world, steps);
      const { calls } = await inWorld(policy, driver, play, alone());
      for (const call of calls) {
        for (const { isBlocked } of call.runs) expect(isBlocked).toBe(false);
        expect(call.settled).toBeDefined();
        expectOwnError(policy, call);
      }
    });
    await fc.assert(property, runs);
  });

  it("once all are cleared and the dependency is well, calls are let through: nothing sticks", async () => {
    const property = fc.asyncProperty(overridden(schedules(driver)), async ({ policy, steps }) => {
      const roomy = { ...policy, bulkhead: undefined, rateLimit: undefined };
      await inWorld(
        roomy,
        driver,
        async (world) => {
          await world.playAll(steps);
          world.override({ verb: "clear", key: undefined, until: "cleared" });
          const well = { ends: "returns", status: 0, afterMs: 0, heedsAbort: false } as const;
          for (const key of [undefined, "a"])
            for (let calls = 0; calls < 4; calls++) {
              await world.clock.advance(100_000);
              await world.play({ call: { runs: [well], key, abortAfterMs: undefined } });
            }
          expect(world.calls.at(-1)?.settled).toHaveProperty("value");
        },
        alone(),
      );
    });
    await fc.assert(property, runs);
  });
});
