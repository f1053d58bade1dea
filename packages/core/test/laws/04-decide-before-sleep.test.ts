/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import {
  bulkhead,
  circuitBreaker,
  deadline,
  explainError,
  type PolicyPart,
  resilient,
  retry,
  retryBudget,
} from "@breakwater/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { lawRuns } from "../support/laws/seed.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

const runs = lawRuns("law 4, a retry is decided before any sleep, in a fixed order");

const fail = (): Promise<never> => Promise.reject(new Error("reset"));

useVirtualClock();

/** Everything that can stand against a retry, in the order in which it is looked at. */
const OBSTACLES = ["permanent", "attempts", "nested", "deadline", "refused", "budget"] as const;
type Obstacle = (typeof OBSTACLES)[number];

/** A policy, and a task that fails first, with all these obstacles in the way of a retry after `delayMs`. */
function obstructed(obstacles: ReadonlySet<Obstacle>, delayMs: number) {
  const budget = obstacles.has("budget")
    ? retryBudget({ ratio: 0, reserve: 0 })
    : retryBudget({ ratio: 0, reserve: 5 });
  const parts: PolicyPart[] = [
    budget,
    circuitBreaker({ consecutiveFailures: obstacles.has("refused") ? 1 : 100, openMs: "1d" }),
    retry({ maxAttempts: obstacles.has("attempts") ? 1 : 3, baseMs: delayMs, jitter: "none" }),
    deadline({ deadlineMs: obstacles.has("deadline") ? delayMs + 5 : 100_000, minAttemptMs: 10 }),
  ];
  const error = Object.assign(
    new Error("reset"),
    obstacles.has("permanent") ? { status: 404 } : {},
  );
  const inner = resilient(retryBudget({ ratio: 0, reserve: 0 }), retry({ maxAttempts: 2 }));
  const failWithIt = (): Promise<never> => Promise.reject(error);
  let ran = 0;
  const task = async (): Promise<string> => {
    if (++ran > 1) return "fine";
    return obstacles.has("nested") ? inner.execute(failWithIt) : failWithIt();
  };
  return { policy: resilient(...parts), budget, task, error, ranSoFar: () => ran };
}

it("names the first obstacle, at once and for nothing; where there is none it waits and repeats", async () => {
  const situation = fc.record({
    obstacles: fc.subarray([...OBSTACLES]),
    delayMs: fc.integer({ min: 10, max: 20_000 }),
  });
  const property = fc.asyncProperty(situation, async ({ obstacles, delayMs }) => {
    const { policy, budget, task, error, ranSoFar } = obstructed(new Set(obstacles), delayMs);
    const before = budget.available();
    const beganMs = clock.nowMs;
    const settled = policy.execute(task).then(
      (value) => ({ value, atMs: clock.nowMs }),
      (reason: unknown) => ({ reason, atMs: clock.nowMs }),
    );
    await clock.advance(0);
    const [first] = obstacles;
    if (first === undefined) {
      expect(budget.available()).toEqual({ ...before, reserve: before.reserve - 1 });
      expect(await clock.run(settled)).toEqual({ value: "fine", atMs: beganMs + delayMs });
    } else {
      expect(await clock.run(settled)).toEqual({ reason: error, atMs: beganMs });
      expect(explainError(error)?.stoppedBy).toBe(first);
      expect(budget.available()).toEqual(before);
      expect(ranSoFar()).toBe(1);
    }
  });
  await fc.assert(property, runs);
});

/** What may come between a retry and its time. Each gets what it needs to stop it. */
const PREVENTIONS = {
  "its caller gives up": ({ abort }) => abort.abort(),
  "another call opens the circuit": ({ failElsewhere }) => failElsewhere(),
  "another call takes the last permit": ({ holdPermit }) => holdPermit(),
} satisfies Record<string, (means: Means) => unknown>;

interface Means {
  readonly abort: AbortController;
  readonly failElsewhere: () => Promise<unknown>;
  readonly holdPermit: () => void;
}

it("gives back what was withdrawn for a retry that never ran", async () => {
  const situation = fc.record({
    prevention: fc.constantFrom(...(Object.keys(PREVENTIONS) as (keyof typeof PREVENTIONS)[])),
    paidBy: fc.constantFrom("credit", "reserve"),
    atMs: fc.integer({ min: 1, max: 999 }),
  });
  const property = fc.asyncProperty(situation, async ({ prevention, paidBy, atMs }) => {
    const budget = retryBudget({
      ratio: paidBy === "credit" ? 1 : 0,
      reserve: paidBy === "credit" ? 0 : 3,
      reserveRefillMs: "1h",
    });
    const breaker = circuitBreaker({ consecutiveFailures: 2 });
    const limited = bulkhead({ limit: 1 });
    const policy = resilient(
      breaker,
      budget,
      limited,
      retry({ maxAttempts: 2, baseMs: 1_000, jitter: "none" }),
    );
    const abort = new AbortController();
    const means: Means = {
      abort,
      failElsewhere: () =>
        resilient(breaker)
          .execute(fail)
          .catch(() => undefined),
      holdPermit: () => void resilient(limited).execute(() => new Promise(() => {})),
    };
    const ended = policy.execute(fail, { signal: abort.signal }).catch(() => "ended");
    await clock.advance(atMs);
    const paid = budget.available();
    await PREVENTIONS[prevention](means);
    expect(await clock.run(ended)).toBe("ended");
    expect(budget.available()[paidBy]).toBe(paid[paidBy] + 1);
    expect(policy.snapshot().counters.retries).toBe(0);
  });
  await fc.assert(property, runs);
});
