import { circuitBreaker, type Policy, resilient, retry, retryBudget } from "@breakwater/core";
import fc from "fast-check";
import { beforeEach, expect, it } from "vitest";
import { useRandom } from "../../src/time/random.js";
import { lawRuns } from "../support/laws/seed.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

const runs = lawRuns("law 10, states derive from timestamps, never from a timer");

useVirtualClock();
beforeEach(() => {
  // Policies that are compared draw from one source; the same jitter for all makes them comparable.
  useRandom(() => 0.5);
});

const job = fc.record({ afterMs: fc.integer({ min: 0, max: 600 }), failures: fc.nat(3) });
const jobs = fc.array(job, { minLength: 1, maxLength: 12 });

function made(): Policy {
  return resilient(
    circuitBreaker({ consecutiveFailures: 2, openMs: 500, probes: 1 }),
    retryBudget({ ratio: 0.5, windowMs: 1_000, reserve: 1, reserveRefillMs: 700 }),
    retry({ baseMs: 0 }),
    { name: "cron" },
  );
}

/** One call, whose task fails so many times: how often it ran, and how it ended. */
async function work(policy: Policy, failures: number): Promise<object> {
  let ran = 0;
  const task = () => (++ran <= failures ? Promise.reject(new Error("reset")) : ran);
  const outcome = await policy.execute(task).catch(String);
  return { ran, outcome };
}

it("a process that is started for each call and goes on from stored state behaves like one that lives on", async () => {
  const property = fc.asyncProperty(jobs, async (schedule) => {
    const living = made();
    let stored = JSON.stringify(made().snapshot());
    for (const { afterMs, failures } of schedule) {
      await clock.advance(afterMs);
      const started = made();
      started.restore(JSON.parse(stored) as ReturnType<Policy["snapshot"]>);
      expect(await work(started, failures)).toEqual(await work(living, failures));
      stored = JSON.stringify(started.snapshot());
    }
  });
  await fc.assert(property, runs);
});

it("asking for the state does not change it, however often", async () => {
  const property = fc.asyncProperty(
    jobs,
    fc.integer({ min: 2, max: 5 }),
    async (schedule, times) => {
      const [left, asked] = [made(), made()];
      for (const { afterMs, failures } of schedule) {
        for (let time = 0; time < times; time++) {
          await clock.advance(Math.trunc(afterMs / times));
          asked.snapshot();
        }
        expect(await work(asked, failures)).toEqual(await work(left, failures));
      }
      expect({ ...asked.snapshot(), takenAt: 0 }).toEqual({ ...left.snapshot(), takenAt: 0 });
    },
  );
  await fc.assert(property, runs);
});
