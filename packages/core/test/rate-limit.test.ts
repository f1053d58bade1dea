/* oxlint-disable vitest/no-conditional-expect, vitest/no-standalone-expect -- random schedules, and models that expect */
import {
  bulkhead,
  circuitBreaker,
  deadline,
  type Issue,
  type Policy,
  type PolicyPart,
  rateLimit,
  type RateLimitOptions,
  resilient,
  retry,
  retryBudget,
} from "@breakwater/core";
import { returns, scriptedTask, throws } from "@breakwater/core/testing";
import fc from "fast-check";
import { getEventListeners } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { type Pass, Refusal, Waiter } from "../src/guards/guard.js";
import { Limiter } from "../src/guards/rate-limit.js";
import type { RateLimit } from "../src/parts/rate-limit.js";
import { type Clock, clock as time, useClock } from "../src/time/clock.js";
import { NOT_RUN } from "../src/verdicts/verdict.js";
import { fails, rejectionOf, works } from "./regressions/fixtures.js";
import { compiledFor } from "./support/laws/drivers.js";
import { HandTime } from "./support/hand-time.js";
import { hold } from "./support/laws/hold.js";
import { lawRuns } from "./support/laws/seed.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

const runs = lawRuns("a rate limit: no window has more attempts than burst + rate");

useVirtualClock();

const once = retry({ maxAttempts: 1 });
const limit = (options: Partial<RateLimitOptions> = {}): RateLimit =>
  rateLimit({ perSecond: 10, burst: 1, name: "quota", ...options });

/** Calls whose attempts note when they began. */
async function begunBy(policy: Policy, calls: number, forMs: number): Promise<number[]> {
  const begun: number[] = [];
  const beganMs = clock.nowMs;
  for (let n = 0; n < calls; n++)
    policy.execute(() => begun.push(clock.nowMs - beganMs)).catch(() => {});
  await clock.advance(forMs);
  return begun;
}

async function openCircuit(breaker: ReturnType<typeof circuitBreaker>): Promise<void> {
  while (breaker.state() !== "open") await rejectionOf(resilient(breaker, once).execute(fails));
}

describe.each(["direct", "drive"] as const)("a rate limit (%s)", (driver) => {
  const policyOf = (...parts: PolicyPart[]): Policy =>
    compiledFor(driver, () => resilient({ name: "crm" }, ...parts));

  it("lets a burst begin at once, and then one attempt each time the rate allows it", async () => {
    const policy = policyOf(limit({ burst: 3 }));
    expect(await begunBy(policy, 9, 0)).toHaveLength(3);
    await clock.advance(99);
    expect(await begunBy(policy, 9, 0)).toHaveLength(0);
    await clock.advance(1);
    expect(await begunBy(policy, 9, 0)).toHaveLength(1);
    await clock.advance(10_000);
    expect(await begunBy(policy, 9, 0)).toHaveLength(3);
  });

  it("says exactly when to come again: then it admits, and 1 ms sooner it refuses", async () => {
    const situation = fc.record({
      perSecond: fc.oneof(
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0.05, max: 50, noNaN: true }),
      ),
      burst: fc.integer({ min: 1, max: 4 }),
      pauses: fc.array(fc.nat(300), { maxLength: 6 }),
    });
    const property = fc.asyncProperty(situation, async ({ perSecond, burst, pauses }) => {
      const policy = policyOf(rateLimit({ perSecond, burst }));
      for (const pauseMs of pauses) {
        await policy.execute(works).catch(() => {});
        await clock.advance(pauseMs);
      }
      for (;;) {
        const refused = await policy.execute(works).then(
          () => undefined,
          (error: unknown) => error as { code: string; retryAfterMs: number },
        );
        if (refused === undefined) continue;
        expect(refused).toMatchObject({ code: "ERR_RATE_LIMITED" });
        await clock.advance(refused.retryAfterMs - 1);
        if (refused.retryAfterMs > 1)
          expect(await rejectionOf(policy.execute(works))).toMatchObject({ retryAfterMs: 1 });
        await clock.advance(1);
        expect(await policy.execute(works)).toBe("fine");
        return;
      }
    });
    await fc.assert(property, runs);
  });

  it("never admits a part of a millisecond too soon", async () => {
    const policy = policyOf(limit({ perSecond: 3 }));
    await policy.execute(works);
    await clock.advance(333);
    expect(await rejectionOf(policy.execute(works))).toMatchObject({ retryAfterMs: 1 });
    await clock.advance(1);
    expect(await policy.execute(works)).toBe("fine");
  });

  it("says who refused, what it allows, and when the next attempt may begin", async () => {
    const policy = policyOf(limit({ perSecond: 4, burst: 2 }));
    await Promise.all([policy.execute(works), policy.execute(works)]);
    expect(await rejectionOf(policy.execute(works))).toMatchObject({
      code: "ERR_RATE_LIMITED",
      isRefusal: true,
      policy: "crm",
      guard: "quota",
      retryAfterMs: 250,
      message:
        "crm refused the call: rate limit quota allows 4 attempts a second (burst 2); the next one in 250 ms. The task did not run.",
    });
  });

  it("counts the attempts of a second where that is not said, at least one", async () => {
    expect(await begunBy(policyOf(rateLimit({ perSecond: 2.5 })), 9, 0)).toHaveLength(3);
    expect(await begunBy(policyOf(rateLimit({ perSecond: 0.1 })), 9, 0)).toHaveLength(1);
  });

  it("of 0.1 a second lets one attempt begin in ten seconds", async () => {
    const policy = policyOf(rateLimit({ perSecond: 0.1, waitMs: "1h" }));
    expect(await begunBy(policy, 4, 60_000)).toEqual([0, 10_000, 20_000, 30_000]);
  });

  it("lets those who may wait begin in the order in which they came, as soon as the rate allows it", async () => {
    const policy = policyOf(limit({ waitMs: 250 }));
    const order: number[] = [];
    const beganMs = clock.nowMs;
    const calls = [1, 2, 3, 4, 5].map((name) =>
      policy.execute(() => void order.push(name, clock.nowMs - beganMs)),
    );
    const refused = await Promise.all(calls.slice(3).map(rejectionOf));
    for (const error of refused) expect(error).toMatchObject({ code: "ERR_RATE_LIMITED" });
    await clock.advance(1_000);
    expect(order).toEqual([1, 0, 2, 100, 3, 200]);
  });

  it("lets nobody overtake who waits, when time for several has come at once", async () => {
    const quota = limit({ waitMs: 10_000 });
    const policy = policyOf(quota);
    const order: number[] = [];
    const call = (name: number) => void policy.execute(() => void order.push(name)).catch(() => {});
    [1, 2, 3].map(call);
    quota.retune({ perSecond: 1_000_000, burst: 5, waitMs: 10_000 });
    expect(quota.queued).toBe(2);
    call(4);
    expect(quota.queued).toBe(3);
    await clock.advance(10);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it("rejects at once with the caller's reason who gives up, and those behind move up", async () => {
    const quota = limit({ waitMs: 1_000 });
    const policy = policyOf(quota);
    await policy.execute(works);
    const abort = new AbortController();
    const gone = rejectionOf(policy.execute(works, { signal: abort.signal }));
    const next = begunBy(policy, 1, 100);
    abort.abort("enough");
    expect(quota.queued).toBe(1);
    expect(await gone).toBe("enough");
    expect(await next).toEqual([100]);
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  });

  it("refuses at once whose deadline is over before its turn can come", async () => {
    const quota = limit({ waitMs: 10_000 });
    const policy = policyOf(quota);
    await policy.execute(works);
    expect(await rejectionOf(policy.execute(works, { deadlineMs: 50 }))).toMatchObject({
      code: "ERR_RATE_LIMITED",
    });
    expect(quota.queued).toBe(0);
    expect(await clock.run(policy.execute(works, { deadlineMs: 150 }))).toBe("fine");
  });

  it("lets nobody wait beyond waitMs or a deadline when it becomes slower meanwhile", async () => {
    const quota = limit({ waitMs: 1_000 });
    const policy = policyOf(quota);
    await policy.execute(works);
    const calls = [
      rejectionOf(policy.execute(works, { deadlineMs: 500 })),
      rejectionOf(policy.execute(works)),
    ];
    quota.retune({ perSecond: 0.001, burst: 1, waitMs: "1h" });
    for (const error of await Promise.all(calls))
      expect(error).toMatchObject({ code: "ERR_RATE_LIMITED" });
    expect(quota.queued).toBe(0);
  });

  it("lets those who wait begin sooner when it becomes faster", async () => {
    const quota = limit({ perSecond: 1, waitMs: 10_000 });
    const policy = policyOf(quota);
    const begun = begunBy(policy, 4, 100);
    quota.retune({ perSecond: 100, burst: 1, waitMs: 10_000 });
    expect(await begun).toHaveLength(4);
  });

  it("has nothing used for an attempt that a full bulkhead refuses", async () => {
    const quota = limit();
    const seats = bulkhead({ limit: 1 });
    const end = hold(resilient(seats));
    const policy = policyOf(quota, seats);
    for (let n = 0; n < 5; n++)
      expect(await rejectionOf(policy.execute(works))).toMatchObject({ code: "ERR_BULKHEAD_FULL" });
    await end();
    expect(await policy.execute(works)).toBe("fine");
    expect(await rejectionOf(policy.execute(works))).toMatchObject({ code: "ERR_RATE_LIMITED" });
  });

  it("has nothing used for a call that its circuit refuses after the wait", async () => {
    const quota = limit({ waitMs: 1_000 });
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: "1h", maxOpenMs: "1h" });
    await policyOf(quota).execute(works);
    const waiting = rejectionOf(policyOf(breaker, quota).execute(works));
    await openCircuit(breaker);
    await clock.advance(100);
    expect(await waiting).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(await begunBy(policyOf(quota), 1, 0)).toEqual([0]);
  });

  it("never lets a probe wait", async () => {
    const quota = limit({ waitMs: 1_000 });
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 100, probes: 1 });
    await openCircuit(breaker);
    await clock.advance(200);
    await policyOf(quota).execute(works);
    expect(await rejectionOf(policyOf(breaker, quota).execute(works))).toMatchObject({
      code: "ERR_RATE_LIMITED",
    });
    await clock.advance(100);
    expect(await policyOf(breaker, quota).execute(works)).toBe("fine");
    expect(breaker.state()).toBe("closed");
  });

  it("counts an attempt that ended with the refusal of another policy: its task has run", async () => {
    const policy = policyOf(limit());
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: "1h", maxOpenMs: "1h" });
    await openCircuit(breaker);
    const task = () => resilient(breaker).execute(works);
    expect(await rejectionOf(policy.execute(task))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(await rejectionOf(policy.execute(task))).toMatchObject({ code: "ERR_RATE_LIMITED" });
  });

  it("has paid for one attempt of a call inside that asks it again; each further one pays", async () => {
    const quota = limit({ burst: 3 });
    const [outer, inner] = [policyOf(quota), policyOf(quota)];
    const outcomes = await outer.execute(() =>
      Promise.allSettled([1, 2, 3, 4, 5].map((n) => inner.execute(() => n))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "rejected",
    ]);
  });

  it("lends what it was paid for through any number of calls, and again if that did not run", async () => {
    const quota = limit();
    const seats = bulkhead({ limit: 1 });
    const [outer, middle] = [policyOf(quota), policyOf(quota)];
    const full = policyOf(quota, seats);
    const end = hold(resilient(seats));
    const task = async (): Promise<unknown> => {
      const refused = full.execute(works);
      const value = middle.execute(() => policyOf(quota).execute(works));
      expect(await rejectionOf(refused)).toMatchObject({ code: "ERR_BULKHEAD_FULL" });
      return value;
    };
    expect(await outer.execute(task)).toBe("fine");
    await end();
  });

  it("and a bulkhead that both have queues never hand their calls to and fro for ever", async () => {
    const quota = limit({ waitMs: 10_000 });
    const seats = bulkhead({ limit: 1, queueLimit: 20, queueWaitMs: 10_000 });
    const policy = policyOf(quota, seats);
    const end = hold(resilient(seats));
    const forRoom = [policy.execute(works), policy.execute(works)];
    await policyOf(quota).execute(works);
    const forTurn = [policy.execute(works), policy.execute(works)];
    // The first turn finds no room and is given back: in this millisecond there is a turn and, once that ends, room.
    await clock.advance(100);
    expect(seats.queued).toBe(3);
    expect(quota.queued).toBe(1);
    await end();
    expect(await clock.run(Promise.all([...forRoom, ...forTurn]))).toEqual(Array(4).fill("fine"));
    expect(seats).toMatchObject({ inFlight: 0, queued: 0 });
    expect(quota.queued).toBe(0);
  });

  it("has a rate for each key where it is per key", async () => {
    const policy = policyOf(limit({ perKey: true }));
    expect(await policy.execute(works, { key: "a" })).toBe("fine");
    expect(await policy.execute(works, { key: "b" })).toBe("fine");
    expect(await rejectionOf(policy.execute(works, { key: "a" }))).toMatchObject({ key: "a" });
  });

  it("refuses who waits when the policy is drained, and gives the turn to others", async () => {
    const quota = limit({ waitMs: 1_000 });
    const policy = policyOf(quota);
    await policy.execute(works);
    const waiting = rejectionOf(policy.execute(works));
    const others = begunBy(policyOf(quota), 1, 100);
    expect(await policy.drain()).toMatchObject({ waitsRefused: 1 });
    expect(await waiting).toMatchObject({ code: "ERR_DRAINING" });
    expect(await others).toEqual([100]);
  });
});

describe("a retry", () => {
  it("is an attempt like any other: it waits for its turn", async () => {
    const policy = resilient(limit({ perSecond: 1, waitMs: "1h" }), retry({ baseMs: 0 }));
    const task = scriptedTask(
      throws(new Error("reset")),
      throws(new Error("reset")),
      returns("fine"),
    );
    const beganMs = clock.nowMs;
    expect(await clock.run(policy.execute(task))).toBe("fine");
    expect(task.runs.map(({ atMs }) => atMs - beganMs)).toEqual([0, 1_000, 2_000]);
  });

  it("that is certain to be refused is not slept for, and costs nothing", async () => {
    const budget = retryBudget({ ratio: 0, reserve: 3 });
    const policy = resilient(
      limit({ perSecond: 1 }),
      budget,
      retry({ baseMs: 100, jitter: "none" }),
      deadline("1m"),
    );
    const beganMs = clock.nowMs;
    expect(await rejectionOf(clock.run(policy.execute(fails)))).toMatchObject({
      code: "ECONNRESET",
    });
    expect(clock.nowMs).toBe(beganMs);
    expect(budget.available().reserve).toBe(3);
  });
});

it("tells all problems of its options at once", () => {
  let issues: readonly Issue[] = [];
  try {
    rateLimit({ perSecond: 0, burst: 1.5, waitMs: "soon", rps: 5 } as never);
  } catch (error) {
    ({ issues = [] } = error as { issues?: readonly Issue[] });
  }
  expect(issues.map(({ path }) => path).toSorted()).toEqual([
    "rateLimit.burst",
    "rateLimit.perSecond",
    "rateLimit.rps",
    "rateLimit.waitMs",
  ]);
  expect(() => rateLimit({} as never)).toThrow("rateLimit.perSecond");
  const quota = limit();
  expect(() => quota.retune({ perSecond: 1, perKey: true })).toThrow("rateLimit.perKey");
  expect(quota.rules.perSecond).toBe(10);
});

it("that is loosened lets those begin soon who would have had to wait for long; what has been used stays used", async () => {
  const quota = limit({ perSecond: 0.001, burst: 4 });
  const policy = resilient(quota, once);
  expect(await begunBy(policy, 5, 0)).toHaveLength(4);
  quota.retune({ perSecond: 10, burst: 2 });
  expect(await begunBy(policy, 5, 0)).toHaveLength(0);
  await clock.advance(100);
  expect(await begunBy(policy, 5, 0)).toHaveLength(1);
  quota.retune({ perSecond: 0.1, burst: 2 });
  await clock.advance(9_999);
  expect(await begunBy(policy, 5, 0)).toHaveLength(0);
  await clock.advance(1);
  expect(await begunBy(policy, 5, 0)).toHaveLength(1);
});

/** A limiter on the level of its guard, on a time that is moved by hand. */
class Counter {
  readonly rules = { perSecond: 100, burst: 3, waitMs: 60 };
  readonly limiter = new Limiter({ name: "counter", rules: this.rules });
  readonly begunMs: number[] = [];
  readonly #line: { readonly waiter: Waiter; readonly place: number; isOver: boolean }[] = [];
  #served = 0;
  readonly #time: HandTime;

  constructor(hand: HandTime) {
    this.#time = hand;
  }

  play(act: number): void {
    const which = act >> 3;
    switch (act & 7) {
      case 5:
        this.#giveUp(which);
        break;
      case 6:
        this.#time.tellAll();
        this.#time.go(which);
        break;
      case 7:
        this.#time.tellAll();
        break;
      default:
        this.#come(which);
    }
    if (this.limiter.queued === 0) expect(this.#time.timers).toBe(0);
  }

  close(): void {
    this.#time.tellAll();
    for (let n = 0; n < 100; n++) {
      this.#time.go(1);
      this.#time.tellAll();
    }
    expect(this.#line.every(({ isOver }) => isOver)).toBe(true);
    expect(this.limiter.queued).toBe(0);
    expect(this.#time.timers).toBe(0);
  }

  #come(which: number): void {
    const answer = this.limiter.enter({
      attemptTimeoutMs: undefined,
      mostWaitMs: which < 8 ? which * 5 : Infinity,
    });
    if (answer instanceof Waiter) return this.#wait(answer, which);
    if (answer instanceof Refusal) return undefined;
    if (which > 0) expect(this.limiter.queued).toBe(0);
    return this.#begin(answer, which);
  }

  /** Or does not run after all. */
  #begin(pass: Pass, which: number): void {
    if (which % 5 === 0) pass.exit(NOT_RUN);
    else this.begunMs.push(this.#time.now());
  }

  #wait(waiter: Waiter, which: number): void {
    const guest = { waiter, place: this.#line.length, isOver: false };
    this.#line.push(guest);
    waiter.ready = (answer) => {
      expect(guest.isOver).toBe(false);
      guest.isOver = true;
      expect(answer).not.toBeInstanceOf(Refusal);
      expect(guest.place).toBeGreaterThanOrEqual(this.#served);
      this.#served = guest.place;
      this.#begin(answer as Pass, which);
    };
  }

  #giveUp(which: number): void {
    const waiting = this.#line.filter(({ isOver }) => !isOver);
    const guest = waiting[which % Math.max(1, waiting.length)];
    if (guest === undefined) return;
    guest.isOver = true;
    guest.waiter.giveUp();
  }
}

it("serves first in, first out, keeps its bound and no timer, also where a turn is given up in the tick in which it comes", () => {
  const property = fc.property(fc.uint8Array({ minLength: 6, maxLength: 40 }), (schedule) => {
    const hand = new HandTime();
    vi.stubGlobal("queueMicrotask", (fn: () => void) => hand.later(fn));
    useClock(hand);
    const counter = new Counter(hand);
    for (const act of schedule) counter.play(act);
    counter.close();
    expectBound(counter.begunMs, counter.rules);
  });
  const own = clock as unknown as { readonly clock: Clock };
  try {
    fc.assert(property, { ...runs, numRuns: (runs.numRuns ?? 500) * 40 });
  } finally {
    useClock(own.clock);
    vi.unstubAllGlobals();
  }
});

function expectBound(
  begunMs: readonly number[],
  { perSecond, burst }: { readonly perSecond: number; readonly burst: number },
): void {
  for (const [from, fromMs] of begunMs.entries())
    for (const [to, toMs] of begunMs.entries()) {
      const most = burst + (perSecond * (toMs - fromMs)) / 1_000 + 1e-9;
      if (to >= from && to - from + 1 > most)
        expect.unreachable(`${to - from + 1} attempts in ${toMs - fromMs} ms`);
    }
}

type Arrival =
  | {
      readonly failures: number;
      readonly abortAfterMs: number | undefined;
      readonly deadlineMs: number | undefined;
    }
  | { readonly pauseMs: number };

const arrival: fc.Arbitrary<Arrival> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      failures: fc.nat(3),
      abortAfterMs: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined, freq: 3 }),
      deadlineMs: fc.option(fc.integer({ min: 20, max: 400 }), { nil: undefined, freq: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ pauseMs: fc.oneof(fc.nat(20), fc.nat(500)) }) },
);

it("lets no window have more attempts than burst + rate x time, whoever retries, waits, gives up or is refused", async () => {
  const options = fc.record({
    perSecond: fc.constantFrom(0.5, 3, 7.3, 20, 333),
    burst: fc.integer({ min: 1, max: 4 }),
    waitMs: fc.constantFrom(0, 50, 1_000),
  });
  const property = fc.asyncProperty(
    options,
    fc.option(fc.record({ limit: fc.integer({ min: 1, max: 2 }), queueLimit: fc.nat(3) })),
    fc.array(arrival, { minLength: 1, maxLength: 40 }),
    async (rate, seats, arrivals) => {
      const quota = rateLimit(rate);
      const breaker = circuitBreaker({ consecutiveFailures: 4, openMs: 50 });
      const shared = [quota, breaker, ...(seats === null ? [] : [bulkhead(seats)])];
      const policies = [
        resilient(...shared, retry({ baseMs: 10 })),
        resilient(...shared, once),
        resilient(quota, once),
      ];
      const begun: number[] = [];
      for (const [n, next] of arrivals.entries()) {
        if ("pauseMs" in next) {
          await clock.advance(next.pauseMs);
          continue;
        }
        const { failures, abortAfterMs, deadlineMs } = next;
        const abort = new AbortController();
        if (abortAfterMs !== undefined) time.setTimer(() => abort.abort(), abortAfterMs);
        const steps = [...Array<number>(failures)].map(() =>
          throws(new Error("reset"), { afterMs: 5 }),
        );
        const task = scriptedTask<unknown>(...(steps as []), returns(n, { afterMs: 30 }));
        (policies[n % policies.length] as Policy)
          .execute((call) => (begun.push(clock.nowMs), task(call)), {
            signal: abort.signal,
            deadlineMs,
          })
          .catch(() => {});
      }
      await clock.advance(20_000);
      expect(quota.queued).toBe(0);
      expectBound(begun, rate);
    },
  );
  await fc.assert(property, runs);
});
