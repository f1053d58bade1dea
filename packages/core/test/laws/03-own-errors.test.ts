/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import {
  BreakwaterError,
  bulkhead,
  circuitBreaker,
  explainError,
  resilient,
} from "@breakwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compiledFor } from "../support/laws/drivers.js";
import { expectOwnError } from "../support/laws/own-error.js";
import { schedules } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { inWorld } from "../support/laws/world.js";

const runs = lawRuns("law 3, the caller gets the task's own last error, the same object");

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  it("rejects with the last error that the task threw; with a refusal only if no attempt ran", async () => {
    const property = fc.asyncProperty(schedules(driver), async ({ policy, steps }) => {
      const { calls } = await inWorld(policy, driver, (world) => world.playAll(steps));
      for (const call of calls) expectOwnError(policy, call);
    });
    await fc.assert(property, runs);
  });

  it("explains each error by the attempts of the call that threw it", async () => {
    const property = fc.asyncProperty(schedules(driver), async ({ policy, steps }) => {
      const { calls } = await inWorld(policy, driver, (world) => world.playAll(steps));
      for (const { runs: ran, settled, abort } of calls) {
        if (
          settled === undefined ||
          !("error" in settled) ||
          settled.error === abort?.signal.reason
        )
          continue;
        const begun = ran.filter(({ beganMs }) => beganMs <= settled.atMs);
        expect(explainError(settled.error)?.attempts.map(({ attempt }) => attempt)).toEqual(
          begun.map((_, i) => i + 1),
        );
        if (begun.length === 0)
          expect(explainError(settled.error)?.stoppedBy).toMatch(/refused|deadline/);
      }
    });
    await fc.assert(property, runs);
  });

  it("rejects with exactly what was thrown, whatever it is: undefined, a text, a frozen error, an error of ours", async () => {
    const thrown = fc.oneof(
      fc.anything({ withNullPrototype: true, withDate: true }),
      fc.string().map((text) => Object.freeze(new Error(text))),
      fc.constant(new BreakwaterError("ERR_CIRCUIT_OPEN", "of somebody else's policy")),
    );
    const patient = circuitBreaker({ failureRatio: 1, minimumCalls: 1_000_000 });
    const policy = compiledFor(driver, () => resilient(patient, bulkhead({ limit: 1 })));
    const property = fc.asyncProperty(thrown, fc.boolean(), async (outcome, atOnce) => {
      const task = atOnce ? () => raise(outcome) : () => Promise.reject(outcome);
      const caught = await policy.execute(task).catch((reason: unknown) => reason);
      expect(Object.is(caught, outcome)).toBe(true);
    });
    await fc.assert(property, runs);
  });
});

function raise(error: unknown): never {
  throw error;
}
