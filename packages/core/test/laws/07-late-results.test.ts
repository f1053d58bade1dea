/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import { bulkhead, circuitBreaker, type PolicySnapshot, resilient } from "@breakwater/core";
import { eventLog } from "@breakwater/core/testing";
import fc, { type Arbitrary } from "fast-check";
import { describe, expect, it } from "vitest";
import { compiledFor } from "../support/laws/drivers.js";
import { breakerOptions } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

const runs = lawRuns("law 7, late results of an earlier epoch change nothing");

useVirtualClock();

type Step =
  | "call"
  | { readonly settle: number; readonly well: boolean }
  | { readonly advanceMs: number };

const step: Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant("call" as const) },
  { weight: 4, arbitrary: fc.record({ settle: fc.nat(20), well: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ advanceMs: fc.integer({ min: 0, max: 300 }) }) },
);

interface Pending {
  readonly epoch: number;
  settle(well: boolean): void;
}

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  it("an outcome is heard by the state that its attempt was admitted under, or by none", async () => {
    const schedule = fc.array(step, { minLength: 8, maxLength: 30 });
    let late = 0;
    const property = fc.asyncProperty(breakerOptions, schedule, async (options, steps) => {
      const policy = compiledFor(driver, () =>
        resilient(circuitBreaker(options), bulkhead({ limit: 100 })),
      );
      const transitions = eventLog(
        policy,
        "circuit.opened",
        "circuit.half_opened",
        "circuit.closed",
      );
      const memory = (): PolicySnapshot["circuits"] => policy.snapshot().circuits;
      const pending: Pending[] = [];
      const call = async (): Promise<void> => {
        let settle: ((well: boolean) => void) | undefined;
        const task = () =>
          new Promise(
            (resolve, reject) =>
              (settle = (well) => (well ? resolve(1) : reject(new Error("reset")))),
          );
        policy.execute(task).catch(() => {});
        await clock.advance(0);
        if (settle !== undefined) pending.push({ epoch: transitions.length, settle });
      };
      for (const next of steps) {
        if (next === "call") await call();
        else if ("advanceMs" in next) await clock.advance(next.advanceMs);
        else {
          const [attempt] = pending.splice(next.settle % Math.max(1, pending.length), 1);
          if (attempt === undefined) continue;
          const before = { memory: memory(), epoch: transitions.length };
          attempt.settle(next.well);
          await clock.advance(0);
          if (attempt.epoch === before.epoch) continue;
          late++;
          expect({ memory: memory(), epoch: transitions.length }).toEqual(before);
        }
      }
      const all = pending.length;
      for (const attempt of pending) attempt.settle(true);
      await clock.advance(0);
      const { attempts } = policy.snapshot().counters;
      expect(attempts.success).toBeGreaterThanOrEqual(all);
    });
    await fc.assert(property, runs);
    expect(late).toBeGreaterThan(0);
  });
});
