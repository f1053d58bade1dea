/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import {
  BreakwaterError,
  bulkhead,
  circuitBreaker,
  type PolicySnapshot,
  resilient,
} from "@breakwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hold } from "../support/laws/hold.js";
import { schedules } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { type CallRecord, inWorld, type World } from "../support/laws/world.js";

const runs = lawRuns("law 2, a refusal runs nothing and counts for nothing");

type Circuit = NonNullable<PolicySnapshot["circuits"]>[string];

/**
 * What guards and budget remember. Time alone makes an opening that is over half-open, and gives up a probe that hangs;
 * whoever asks next finds it so, a refused call as well as any other, and is not the cause of it.
 */
function memoryOf(world: World): object {
  const { circuits = {}, budget } = world.state();
  const seen = Object.entries(circuits).map(([key, circuit]) => [key, rememberedOf(circuit)]);
  return { circuits: Object.fromEntries(seen) as object, budget };
}

function rememberedOf(circuit: Circuit): object {
  if (circuit.state === "closed") return circuit;
  const gaveUpProbe = circuit.cause?.message === "the probe never came back";
  if (gaveUpProbe) return { state: "half-open", trips: circuit.trips - 1 };
  return circuit.leftMs === 0 ? { state: "half-open", trips: circuit.trips } : circuit;
}

/** In a queue, until its turn came in the same millisecond. */
function hasWaited({ runs: ran, settled }: CallRecord): boolean {
  const refused = settled !== undefined && "error" in settled && isRefusal(settled.error);
  return ran.length > 0 && !refused;
}

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  it("a refusal never runs the task, is no failure of the dependency, costs no budget and earns none", async () => {
    const property = fc.asyncProperty(schedules(driver), async ({ policy, steps }) => {
      const crowded = { ...policy, bulkhead: policy.bulkhead ?? { limit: 1 } };
      await inWorld(crowded, driver, async (world) => {
        for (const step of steps) {
          if (!("call" in step) || step.call.abortAfterMs === 0) {
            await world.play(step);
            continue;
          }
          const before = memoryOf(world);
          const call = world.call(step.call);
          const after = memoryOf(world);
          const refused = call.runs.length === 0;
          await world.clock.advance(0);
          if (!refused) continue;
          expect(after).toEqual(before);
          if (call.settled === undefined || hasWaited(call)) continue;
          expect(call.runs).toEqual([]);
          expect(call.settled).toMatchObject({ error: { isRefusal: true } });
        }
      });
    });
    await fc.assert(property, runs);
  });

  it("a call is refused exactly where no attempt ran, unless its caller or its deadline ended it", async () => {
    const property = fc.asyncProperty(schedules(driver), async ({ policy, steps }) => {
      const { calls } = await inWorld(policy, driver, (world) => world.playAll(steps));
      for (const { runs: ran, settled, abortedMs } of calls) {
        const refused = settled !== undefined && "error" in settled && isRefusal(settled.error);
        if (refused) expect(ran).toEqual([]);
        if (ran.length === 0 && abortedMs !== 0) expect(settled).toBeDefined();
      }
    });
    await fc.assert(property, runs);
  });
});

it("a refusal does not open a circuit whose rules have become stricter: only an outcome does", async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 5 });
  const limited = bulkhead({ limit: 1 });
  const policy = resilient(breaker, limited);
  await expect(policy.execute(() => Promise.reject(new Error("reset")))).rejects.toThrow("reset");
  const release = hold(policy);
  breaker.retune({ consecutiveFailures: 1 });
  await expect(policy.execute(() => "not run")).rejects.toMatchObject({
    code: "ERR_BULKHEAD_FULL",
  });
  expect(breaker.state()).toBe("closed");
  await release();
});

function isRefusal(error: unknown): boolean {
  return error instanceof BreakwaterError && error.isRefusal;
}
