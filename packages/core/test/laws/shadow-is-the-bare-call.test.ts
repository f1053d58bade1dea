import {
  bulkhead,
  circuitBreaker,
  deadline,
  fallback,
  type Policy,
  rateLimit,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { installVirtualClock } from "@breakwater/core/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { clock as time } from "../../src/time/clock.js";
import { lawRuns } from "../support/laws/seed.js";

const runs = lawRuns("a call in shadow is the bare call");

/** One call: when it comes, what its task does, and when its caller gives up. */
interface Arrival {
  readonly gapMs: number;
  readonly ends: "with a value" | "with an error" | "with a throw" | "never";
  readonly tookMs: number;
  readonly heedsAbort: boolean;
  readonly abortMs: number | null;
}

const ms = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const arrivals = fc.array(
  fc.record<Arrival>({
    gapMs: ms(60),
    ends: fc.constantFrom("with a value", "with an error", "with a throw", "never"),
    tookMs: ms(100),
    heedsAbort: fc.boolean(),
    abortMs: fc.option(ms(80)),
  }),
  { minLength: 1, maxLength: 25 },
);

/** Each would refuse, cut short, delay or repeat many of the calls, if it were enforced. */
const PARTS = {
  breaker: () => circuitBreaker({ consecutiveFailures: 1, openMs: 50 }),
  rateLimit: () => rateLimit({ perSecond: 10, burst: 1 }),
  slowRate: () => rateLimit({ perSecond: 10, burst: 1, waitMs: 1_000 }),
  room: () => bulkhead({ limit: 1 }),
  queue: () => bulkhead({ limit: 1, queueLimit: 2 }),
  retry: () => retry({ maxAttempts: 3, baseMs: 1 }),
  budget: () => retryBudget({ ratio: 0.5, reserve: 1 }),
  timeout: () => timeout(20),
  deadline: () => deadline(50),
  fallback: () => fallback(() => "the fallback's"),
};
const chosen = fc
  .subarray(Object.keys(PARTS) as (keyof typeof PARTS)[], { minLength: 1 })
  .map((names) => {
    const parts = names.map((name) => PARTS[name]());
    return [...new Map(parts.map((part) => [part.kind, part])).values()];
  });

type Execute = (task: () => unknown, signal: AbortSignal | undefined) => Promise<unknown>;

/** When each task begins, and when and how each call ends; nothing for a call that does not. */
async function play(schedule: readonly Arrival[], execute: Execute): Promise<string[][]> {
  const clock = installVirtualClock();
  const startMs = time.read();
  const logs = schedule.map((): string[] => []);
  for (const [n, arrival] of schedule.entries()) {
    const controller = new AbortController();
    const { signal } = controller;
    const { abortMs } = arrival;
    const log = (what: string): void => void logs[n]?.push(`${what} at ${time.read() - startMs}`);
    if (abortMs !== null) time.setTimer(() => controller.abort(`caller ${n}`), abortMs);
    const task = (): unknown => {
      log("begins");
      return workOf(arrival, n, signal);
    };
    execute(task, abortMs === null ? undefined : signal).then(
      (value) => log(`resolves with ${String(value)}`),
      (error: unknown) => log(`rejects with ${String(error)}`),
    );
    await clock.advance(arrival.gapMs);
  }
  await clock.advance(1_000);
  clock.restore();
  return logs;
}

function workOf({ ends, tookMs, heedsAbort }: Arrival, n: number, signal: AbortSignal): unknown {
  if (ends === "with a throw") throw new Error(`task ${n}`);
  return new Promise((resolve, reject) => {
    if (heedsAbort) signal.addEventListener("abort", () => reject(signal.reason as Error));
    if (ends === "with a value") time.setTimer(() => resolve(`value ${n}`), tookMs);
    if (ends === "with an error") time.setTimer(() => reject(new Error(`task ${n}`)), tookMs);
  });
}

it("a call in shadow begins at once, runs its task once, and ends when and as the bare call does", async () => {
  const property = fc.asyncProperty(
    arrivals,
    chosen,
    fc.boolean(),
    async (schedule, parts, keyed) => {
      const bare = await play(schedule, async (task) => task());
      let policy: Policy | undefined;
      const inShadow = await play(schedule, (task, signal) => {
        policy ??= resilient(...parts, { name: "crm", mode: "shadow" });
        return policy.execute(task, { signal, key: keyed ? "one" : undefined });
      });
      expect(inShadow).toEqual(bare);
      const { attempts, retries, refusedCalls } = policy?.snapshot().counters ?? {};
      const ended = bare.filter((log) => log.length === 2).length;
      expect(Object.values(attempts ?? {}).reduce((sum, count) => sum + count, 0)).toBe(ended);
      expect({ retries, refusedCalls }).toEqual({ retries: 0, refusedCalls: 0 });
    },
  );
  await fc.assert(property, runs);
});
