import { circuitBreaker, type Policy, rateLimit, resilient } from "@breakwater/core";
import { installVirtualClock, type VirtualClock } from "@breakwater/core/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { CircuitBreaker } from "../../src/parts/circuit-breaker.js";
import { clock as time } from "../../src/time/clock.js";
import { reset } from "../regressions/fixtures.js";
import { lawRuns } from "../support/laws/seed.js";

interface Arrival {
  readonly gapMs: number;
  readonly tookMs: number;
  readonly works: boolean;
}

const arrivals = fc.array(
  fc.record({
    gapMs: fc.integer({ min: 0, max: 400 }),
    tookMs: fc.integer({ min: 0, max: 600 }),
    works: fc.boolean(),
  }),
  { minLength: 5, maxLength: 60 },
);
const rules = fc.record({
  consecutiveFailures: fc.integer({ min: 1, max: 4 }),
  openMs: fc.integer({ min: 100, max: 1_500 }),
  probes: fc.integer({ min: 1, max: 3 }),
});
const rates = fc.record({
  perSecond: fc.integer({ min: 1, max: 20 }),
  burst: fc.integer({ min: 1, max: 5 }),
});

/** What the circuit says before each call, and how many calls are, or would be, refused. */
async function play(
  clock: VirtualClock,
  policy: Policy,
  breaker: CircuitBreaker,
  schedule: readonly Arrival[],
): Promise<{ states: string[]; refusals: number }> {
  const states: string[] = [];
  let refusals = 0;
  policy.on("call.refused", () => refusals++);
  policy.on("shadow.would_refuse", () => refusals++);
  for (const { gapMs, tookMs, works } of schedule) {
    await clock.advance(gapMs);
    states.push(breaker.state());
    const task = (): Promise<void> =>
      new Promise((resolve, reject) => {
        time.setTimer(() => (works ? resolve() : reject(reset())), tookMs);
      });
    policy.execute(task).catch(() => {});
  }
  await clock.advance(10_000);
  return { states, refusals };
}

it("a breaker and a rate limit in shadow decide as they would if they were enforced", async () => {
  const property = fc.asyncProperty(arrivals, rules, rates, async (schedule, given, rate) => {
    const outcomes = [];
    for (const mode of ["enforce", "shadow"] as const) {
      const clock = installVirtualClock({ seed: 7 });
      const breaker = circuitBreaker(given);
      const policy = resilient(breaker, rateLimit(rate), { name: "crm", mode });
      const asked = mode === "shadow" ? breaker.twin() : breaker;
      outcomes.push(await play(clock, policy, asked, schedule));
      clock.restore();
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });
  await fc.assert(property, lawRuns("a shadow decides as the enforced policy does"));
});
