import {
  bulkhead,
  circuitBreaker,
  type Policy,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countingDuring, extraTicks } from "../support/laws/counting.js";
import { compiledFor } from "../support/laws/drivers.js";
import { lawRuns } from "../support/laws/seed.js";

const runs = lawRuns("law 9, nothing is made per call unless asked for");

const CALLS = 2_000;

const bare = async (): Promise<number> => 1;

const POLICIES = {
  "breaker and bulkhead": () =>
    resilient(circuitBreaker({ failureRatio: 0.5 }), bulkhead({ limit: 10 })),
  "breaker, bulkhead, budget, retry and timeout": () =>
    resilient(circuitBreaker(), bulkhead({ limit: 10 }), retryBudget(), retry(), timeout("2s")),
} satisfies Record<string, () => Policy>;

async function repeatedly(call: () => unknown): Promise<void> {
  for (let left = CALLS; left > 0; left--) await call();
}

/** What one call makes in the steady state, beside what the bare call makes. */
async function perCall(policy: Policy, task: () => unknown = bare) {
  await repeatedly(() => policy.execute(task)); // what is made once
  const without = await countingDuring(() => repeatedly(bare));
  const counted = await countingDuring(() => repeatedly(() => policy.execute(task)));
  const share = (kind: keyof typeof counted): number => (counted[kind] - without[kind]) / CALLS;
  return {
    promises: share("promises"),
    timers: share("timers"),
    abortControllers: share("abortControllers"),
    clockReadings: share("clockReadings"),
    wallReadings: share("wallReadings"),
  };
}

const ALMOST_NOTHING = 0.02;

describe.each([
  { name: "breaker and bulkhead", promises: 1 },
  { name: "breaker, bulkhead, budget, retry and timeout", promises: 2 },
] as const)("$name", ({ name, promises }) => {
  it(`makes at most ${promises} more promises than the bare call, no timer, no AbortController, no event`, async () => {
    const made = await perCall(POLICIES[name]());
    expect(made.promises).toBeLessThanOrEqual(promises + ALMOST_NOTHING);
    expect(made.timers).toBeLessThanOrEqual(ALMOST_NOTHING);
    expect(made.abortControllers).toBe(0);
    expect(made.wallReadings).toBe(0);
  });

  it("does not ask the system for the time", async () => {
    expect((await perCall(POLICIES[name]())).clockReadings).toBeLessThanOrEqual(ALMOST_NOTHING);
  });

  it("is at most one tick later than the bare call", async () => {
    const policy = POLICIES[name]();
    expect(await extraTicks(() => policy.execute(bare), bare)).toBeLessThanOrEqual(1);
    const wrapped = policy.wrap(bare);
    expect(await extraTicks(() => wrapped(), bare)).toBeLessThanOrEqual(1);
  });
});

const guards = () => [circuitBreaker({ consecutiveFailures: 3 }), bulkhead({ limit: 2 })];

async function refusedBy(policy: Policy): Promise<unknown> {
  await policy.execute(() => Promise.reject(new Error("reset"))).catch(() => {});
  return policy.execute(() => 1).catch((error: unknown) => error);
}

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  const outcomes = fc.array(fc.record({ well: fc.boolean(), reads: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  });

  it("makes an AbortController for the calls whose task reads its signal, and for no other", async () => {
    const property = fc.asyncProperty(outcomes, async (calls) => {
      const policy = compiledFor(driver, () => resilient(...guards()));
      let read = 0;
      const { abortControllers } = await countingDuring(async () => {
        for (const { well, reads } of calls) {
          const call = policy.execute((given) => {
            if (reads && given.signal !== undefined) read++;
            return well ? 1 : Promise.reject(new Error("reset"));
          });
          await call.catch(() => {});
        }
      });
      expect(abortControllers).toBe(read);
    });
    await fc.assert(property, runs);
  });

  it("makes no timer and no event in a policy that nobody listens to and in which nothing waits", async () => {
    const property = fc.asyncProperty(outcomes, async (calls) => {
      const policy = compiledFor(driver, () => resilient(...guards()));
      const counted = await countingDuring(async () => {
        for (const { well } of calls)
          await policy
            .execute(() => (well ? 1 : Promise.reject(new Error("reset"))))
            .catch(() => {});
      });
      expect(counted.timers).toBeLessThanOrEqual(1); // the clock's own, when it wakes
      expect(counted.wallReadings).toBe(0);
    });
    await fc.assert(property, runs);
  });

  it("a refusal has no stack, unless the policy asks for one", async () => {
    const opens = { consecutiveFailures: 1 };
    const lean = await refusedBy(compiledFor(driver, () => resilient(circuitBreaker(opens))));
    const traced = await refusedBy(
      compiledFor(driver, () => resilient(circuitBreaker(opens), { stackTraces: true })),
    );
    expect(lean).toMatchObject({ stack: expect.not.stringMatching(/\n\s+at /) as unknown });
    expect(traced).toMatchObject({ stack: expect.stringMatching(/\n\s+at /) as unknown });
  });
});
