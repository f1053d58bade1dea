import { circuitBreaker, type Policy, resilient, retry, retryBudget } from "@breakwater/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { clock as time } from "../../src/time/clock.js";
import { lawRuns } from "../support/laws/seed.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

const runs = lawRuns("the budget's invariant");

useVirtualClock();

const fail = (): Promise<never> => Promise.reject(new Error("reset"));

/** A retry counts from when it is paid for; a payment may be refused, and a retry that was paid for may never run. */
interface Payment {
  readonly what: "payment";
  readonly atMs: number;
  state: "open" | "ran" | "never ran";
}

/** What has happened to a budget, in order. */
type Entry =
  | Payment
  | { readonly what: "call"; readonly atMs: number }
  | {
      readonly what: "look";
      readonly atMs: number;
      readonly reserve: number;
      readonly open: number;
    };

/** Checks every span that begins with a look at the reserve and ends with a retry. What is open may be refunded later. */
function expectInvariant(
  log: readonly Entry[],
  { ratio, windowMs, reserveRefillMs }: Bounds,
): void {
  for (const [begin, look] of log.entries()) {
    if (look.what !== "look") continue;
    let retries = 0;
    let calls = log
      .slice(0, begin)
      .filter(({ what, atMs }) => what === "call" && atMs >= look.atMs - windowMs).length;
    for (const entry of log.slice(begin)) {
      if (entry.what === "call") calls++;
      if (entry.what !== "payment" || entry.state !== "ran") continue;
      retries++;
      const refills = Math.floor((entry.atMs - look.atMs) / reserveRefillMs) + 1;
      expect(retries).toBeLessThanOrEqual(
        ratio * calls + look.reserve + look.open + refills + 1e-9,
      );
    }
  }
}

type Bounds = Record<"ratio" | "windowMs" | "reserveRefillMs", number>;

const bounds = fc.record({
  ratio: fc.constantFrom(0, 0.1, 0.2, 0.5, 0.333, 1),
  windowMs: fc.integer({ min: 10, max: 500 }),
  reserve: fc.nat(4),
  reserveRefillMs: fc.integer({ min: 5, max: 500 }),
  credit: fc.constantFrom("calls", "successes"),
});
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      failures: fc.nat(4),
      abortAfterMs: fc.option(fc.integer({ min: 1, max: 100 })),
    }),
  },
  { weight: 3, arbitrary: fc.record({ idleMs: fc.oneof(fc.nat(20), fc.nat(700)) }) },
);

it("in every span: retries ≤ ratio x calls of the span and a window before + reserve + refills + 1", async () => {
  const schedule = fc.array(step, { minLength: 1, maxLength: 30 });
  const property = fc.asyncProperty(
    bounds,
    fc.constantFrom(0, 30),
    schedule,
    async (options, baseMs, steps) => {
      const budget = retryBudget(options);
      // Three policies that share it: the invariant is the budget's, not a policy's.
      const policies = [2, 3, 4].map((maxAttempts) =>
        resilient(budget, retry({ maxAttempts, baseMs })),
      );
      const log: Entry[] = [];
      for (const [index, next] of steps.entries()) {
        const open = log.filter(
          (entry) => entry.what === "payment" && entry.state === "open",
        ).length;
        log.push({ what: "look", atMs: clock.nowMs, reserve: budget.available().reserve, open });
        if ("failures" in next)
          void observe(policies[index % policies.length] as Policy, next, log);
        await clock.advance("idleMs" in next ? next.idleMs : 0);
      }
      await clock.advance(10_000);
      expectInvariant(log, options);
    },
  );
  await fc.assert(property, runs);
});

interface CallPlan {
  readonly failures: number;
  readonly abortAfterMs: number | null;
}

/** One call that fails so often, unless its caller gives up before. */
async function observe(
  policy: Policy,
  { failures, abortAfterMs }: CallPlan,
  log: Entry[],
): Promise<void> {
  const abort = new AbortController();
  if (abortAfterMs !== null) time.setTimer(() => abort.abort(), abortAfterMs);
  let ran = 0;
  let payment: Payment | undefined;
  const task = (): Promise<string> => {
    if (payment === undefined) log.push({ what: "call", atMs: clock.nowMs });
    else payment.state = "ran";
    if (++ran > failures) return Promise.resolve("fine");
    log.push((payment = { what: "payment", atMs: clock.nowMs, state: "open" }));
    return fail();
  };
  await policy.execute(task, { signal: abort.signal }).catch(() => {});
  if (payment?.state === "open") payment.state = "never ran";
}

it("1,000 failing calls in a minute, ratio 0.2, no reserve: at most 200 retries, and nearly as many", async () => {
  const policy = resilient(retryBudget({ ratio: 0.2, reserve: 0 }), retry({ baseMs: 50 }));
  for (let calls = 0; calls < 1_000; calls++) {
    policy.execute(fail).catch(() => {});
    await clock.advance(60);
  }
  await clock.advance(60_000);
  const { retries } = policy.snapshot().counters;
  expect(retries).toBeLessThanOrEqual(200);
  expect(retries).toBeGreaterThan(190);
});

it("one call in five minutes gets its retries from the reserve", async () => {
  const policy = resilient(retryBudget());
  for (let calls = 0; calls < 20; calls++) {
    await clock.run(policy.execute(fail).catch(() => {}));
    await clock.advance(300_000);
  }
  expect(policy.snapshot().counters.retries).toBe(40);
});

it("after 10,000 refused calls the credit is what it was", async () => {
  const budget = retryBudget({ ratio: 0.5 });
  const breaker = circuitBreaker({ consecutiveFailures: 1 });
  const policy = resilient(breaker, budget);
  for (let calls = 0; calls < 9; calls++) await policy.execute(() => "fine");
  await policy.execute(fail).catch(() => {});
  const before = { available: budget.available(), saved: policy.snapshot().budget };
  for (let calls = 0; calls < 10_000; calls++) policy.execute(fail).catch(() => {});
  await clock.advance(0);
  expect(policy.snapshot().counters.refusedCalls).toBe(10_000);
  expect({ available: budget.available(), saved: policy.snapshot().budget }).toEqual(before);
});

it("ten methods that share one budget obey it together", async () => {
  const budget = retryBudget({ ratio: 0.2, reserve: 5, reserveRefillMs: "1d" });
  let ran = 0;
  const method = async (): Promise<never> => (ran++, fail());
  const methods = Array.from({ length: 10 }, () =>
    resilient(budget, retry({ baseMs: 0 })).wrap(method),
  );
  for (let calls = 0; calls < 50; calls++) for (const call of methods) call().catch(() => {});
  await clock.advance(1_000);
  expect(ran).toBe(500 + 0.2 * 500 + 5);
});
