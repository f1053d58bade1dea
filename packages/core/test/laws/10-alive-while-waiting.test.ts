/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import { loop } from "../support/laws/simulated-loop.js";
import {
  bulkhead,
  circuitBreaker,
  rateLimit,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import fc, { type Arbitrary } from "fast-check";
import { afterAll, expect, it } from "vitest";
import { lawRuns } from "../support/laws/seed.js";

const runs = lawRuns("law 10, only what a pending call waits on keeps the process alive");

afterAll(() => loop.leave());

const ms = (max: number, min = 0): Arbitrary<number> => fc.integer({ min, max });

/** How the runs of a call go: each answers after a while, well or not, or never. */
const call = fc.array(fc.record({ answersInMs: fc.option(ms(150)), well: fc.boolean() }), {
  minLength: 1,
  maxLength: 3,
});
const step = fc.oneof(
  call.map((runsOfCall) => ({ call: runsOfCall })),
  fc.oneof(ms(30), ms(400)).map((idleMs) => ({ idleMs })),
);
const schedule = fc.array(step, { minLength: 1, maxLength: 12 });
const policyOf = {
  attemptTimeoutMs: fc.option(ms(100, 20)),
  baseMs: ms(200, 1),
  maxAttempts: ms(3, 1),
};

interface Progress {
  settled: boolean;
  running: number;
}

it("keeps it alive while a call waits for a timeout or a backoff; nothing does 50 ms after the last call", async () => {
  const property = fc.asyncProperty(
    fc.record(policyOf),
    schedule,
    async ({ attemptTimeoutMs, baseMs, maxAttempts }, steps) => {
      const policy = resilient(
        circuitBreaker(),
        retryBudget(),
        retry({ maxAttempts, baseMs, jitter: "none" }),
        ...(attemptTimeoutMs === null ? [] : [timeout(attemptTimeoutMs)]),
      );
      policy.on("*", () => {});
      const calls: Progress[] = [];
      const run = (answers: Exclude<(typeof steps)[number], { idleMs: number }>["call"]): void => {
        const progress: Progress = { settled: false, running: 0 };
        calls.push(progress);
        const task = ({ attempt }: { attempt: number }): Promise<void> => {
          const { answersInMs, well } = answers[
            Math.min(attempt, answers.length) - 1
          ] as (typeof answers)[number];
          progress.running++;
          return new Promise((resolve, reject) => {
            if (answersInMs === null) return;
            loop.arrivesIn(answersInMs, () => {
              progress.running--;
              if (well) resolve();
              else reject(new Error("reset"));
            });
          });
        };
        const settle = (): void => void (progress.settled = true);
        policy.execute(task).then(settle, settle);
      };
      for (const next of steps) {
        if ("call" in next) run(next.call);
        await loop.run("idleMs" in next ? next.idleMs : 0);
        const waits = calls.some(
          ({ settled, running }) => !settled && (attemptTimeoutMs !== null || running === 0),
        );
        if (waits) expect(loop.keepsProcessAlive).toBe(true);
      }
      await loop.run(2_000);
      if (attemptTimeoutMs !== null)
        expect(calls.map(({ settled }) => settled)).not.toContain(false);
      run([{ answersInMs: 0, well: true }]);
      await loop.run(50);
      expect(loop.keepsProcessAlive).toBe(false);
    },
  );
  await fc.assert(property, runs);
});

const visit = fc.record({
  pauseMs: ms(60),
  answersInMs: ms(80),
  abortAfterMs: fc.option(ms(60, 1), { nil: undefined }),
});

it("keeps it alive while a call waits in a queue or for its turn; nothing does once nobody waits", async () => {
  const property = fc.asyncProperty(
    fc.boolean(),
    fc.array(visit, { minLength: 1, maxLength: 12 }),
    async (byRate, visits) => {
      const quota = rateLimit({ perSecond: 20, burst: 1, waitMs: 200 });
      const seats = bulkhead({ limit: 1, queueLimit: 5, queueWaitMs: 100 });
      const policy = resilient(byRate ? quota : seats);
      for (const { pauseMs, answersInMs, abortAfterMs } of visits) {
        const abort = new AbortController();
        if (abortAfterMs !== undefined) loop.arrivesIn(abortAfterMs, () => abort.abort());
        const task = () => new Promise<void>((resolve) => loop.arrivesIn(answersInMs, resolve));
        policy.execute(task, { signal: abort.signal }).catch(() => {});
        await loop.run(pauseMs);
        if (quota.queued + seats.queued > 0) expect(loop.keepsProcessAlive).toBe(true);
      }
      for (let left = 50; quota.queued + seats.queued > 0 && left > 0; left--) await loop.run(20);
      expect(quota.queued + seats.queued).toBe(0);
      await loop.run(50);
      expect(loop.keepsProcessAlive).toBe(false);
    },
  );
  await fc.assert(property, runs);
});

it("nothing keeps it alive where nothing can wait, not even in the turn of the call", async () => {
  const property = fc.asyncProperty(
    fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
    async (outcomes) => {
      const policy = resilient(circuitBreaker({ consecutiveFailures: 3 }));
      for (const well of outcomes) {
        await policy
          .execute(() => (well ? Promise.resolve() : Promise.reject(new Error("reset"))))
          .catch(() => {});
        expect(loop.keepsProcessAlive).toBe(false);
      }
    },
  );
  await fc.assert(property, runs);
});
