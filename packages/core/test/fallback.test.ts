import {
  circuitBreaker,
  deadline,
  explainError,
  fallback,
  type FallbackOptions,
  type Policy,
  resilient,
  type ResilienceEvent,
  retry,
  retryBudget,
  timeout,
  withCall,
} from "@breakwater/core";
import { hangs, scriptedTask, throws } from "@breakwater/core/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { drive } from "../src/engine/drive.js";
import { forceDriver } from "../src/policy/compile.js";
import { fails, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const withStatus = (status: number): Error => Object.assign(new Error(`${status}`), { status });
const cached = fallback(() => "from the cache");
const answeredFor = (policy: Policy, error: unknown): Promise<unknown> =>
  policy.execute(() => Promise.reject(error)).catch(() => "not answered");

describe.each(["direct", "drive"] as const)("a fallback (%s)", (driver) => {
  beforeEach(() => forceDriver(driver === "drive" ? drive : undefined));
  afterEach(() => forceDriver(undefined));

  it.each([
    ["transient", reset()],
    ["transient", withStatus(503)],
    ["throttled", withStatus(429)],
    ["timeout", Object.assign(new Error("timed out"), { code: "ETIMEDOUT" })],
  ])("answers for a call that ends as %s", async (_, error) => {
    expect(await answeredFor(resilient(cached), error)).toBe("from the cache");
  });

  it.each([
    ["permanent", withStatus(404)],
    ["ignored", new ReferenceError("quote is not defined")],
  ])("does not answer for one that ends as %s", async (_, error) => {
    const policy = resilient(cached);
    expect(await rejectionOf(policy.execute(() => Promise.reject(error)))).toBe(error);
    expect(policy.snapshot().counters.fallbacks).toBe(0);
  });

  it("answers for a refusal, and the task does not run", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), cached);
    await policy.execute(fails);
    const task = vi.fn<() => Promise<string>>(works);
    expect(await policy.execute(task)).toBe("from the cache");
    expect(task).not.toHaveBeenCalled();
  });

  it("does not answer for the caller's own abort", async () => {
    const reason = new Error("not wanted any more");
    const policy = resilient(cached);
    expect(await rejectionOf(policy.execute(works, { signal: AbortSignal.abort(reason) }))).toBe(
      reason,
    );
    const caller = new AbortController();
    const call = rejectionOf(policy.execute(scriptedTask(hangs()), { signal: caller.signal }));
    await clock.advance(10);
    caller.abort(reason);
    expect(await call).toBe(reason);
  });

  it("answers for exactly the verdicts that it is given", async () => {
    const policy = resilient(fallback(() => "answered", { on: ["permanent", "ignored"] }));
    const outcomes = [reset(), withStatus(429), withStatus(404), new ReferenceError("x")].map(
      (error) => answeredFor(policy, error),
    );
    expect(await Promise.all(outcomes)).toEqual([
      "not answered",
      "not answered",
      "answered",
      "answered",
    ]);
  });

  it("gets the error, the arguments and `this`, and may answer later", async () => {
    const down = reset();
    const answer = vi.fn<(...args: unknown[]) => Promise<unknown[]>>(function (
      this: unknown,
      ...args: unknown[]
    ) {
      return Promise.resolve([this, ...args]);
    });
    const rates = {
      latest: resilient(fallback(answer)).wrap(async (_base: string, _day: number) => {
        throw down;
      }),
    };
    expect(await rates.latest("EUR", 3)).toEqual([rates, down, "EUR", 3]);
  });

  it("gets the error only, where the task takes the call object", async () => {
    const answer = vi.fn<(...args: unknown[]) => string>(() => "answered");
    const down = reset();
    await resilient(fallback(answer)).execute(() => Promise.reject(down));
    expect(answer.mock.calls).toEqual([[down]]);
  });

  it("that fails itself fails the call, with its own error, once", async () => {
    const empty = new Error("nothing is cached");
    for (const answer of [
      () => Promise.reject(empty),
      () => {
        throw empty;
      },
    ]) {
      const answers = vi.fn<() => unknown>(answer);
      expect(await rejectionOf(resilient(fallback(answers)).execute(fails))).toBe(empty);
      expect(answers).toHaveBeenCalledTimes(1);
    }
  });

  it("is not asked for a call that succeeds", async () => {
    const answer = vi.fn<() => unknown>();
    expect(await resilient(fallback(answer)).execute(works)).toBe("fine");
    expect(answer).not.toHaveBeenCalled();
  });

  it("changes nothing for the guards: they hear of each failure", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 2 });
    const policy = resilient(breaker, cached);
    await policy.execute(fails);
    await policy.execute(fails);
    expect(breaker.state()).toBe("open");
  });

  it("is a method of the object called, where it is a name", async () => {
    class Rates {
      latest = resilient(fallback("latestFromCache")).wrap(function (this: Rates, _base: string) {
        return fails();
      });
      latestFromCache(error: Error, base: string): string {
        return `${base}: ${error.message}, ${this instanceof Rates}`;
      }
    }
    expect(await new Rates().latest("EUR")).toBe("EUR: read ECONNRESET, true");
  });

  it("that is no method leaves the original error alone, and tells", async () => {
    const policy = resilient(fallback("latestFromCash"), { name: "rates" });
    const events: ResilienceEvent[] = [];
    policy.on("hook.failed", (event) => events.push(event));
    const down = reset();
    const latest = policy.wrap(() => Promise.reject(down));
    for (const self of [undefined, null, {}, { latestFromCash: 7 }, 7])
      expect(await rejectionOf(latest.call(self))).toBe(down);
    expect(events).toHaveLength(5);
    expect(events[0]).toMatchObject({ hook: "fallback", policy: "rates" });
    expect(JSON.stringify(events[0])).toContain("latestFromCash");
    expect(policy.snapshot().counters.fallbacks).toBe(0);
  });

  it("is counted and told", async () => {
    const policy = resilient(cached, { name: "rates" });
    const events: ResilienceEvent[] = [];
    policy.on("fallback.used", (event) => events.push(event));
    await policy.execute(fails);
    await policy.execute(works);
    expect(events).toMatchObject([
      { policy: "rates", verdict: "transient", severity: "warning", error: { code: "ECONNRESET" } },
    ]);
    expect(policy.snapshot().counters.fallbacks).toBe(1);
  });

  it("answers for a call with options of its own, too", async () => {
    const policy = resilient(cached);
    const hanging = policy.execute(scriptedTask(hangs()), { deadlineMs: 500 });
    expect(await clock.run(hanging)).toBe("from the cache");
    expect(await policy.execute(fails, { key: "EUR" })).toBe("from the cache");
    expect(await policy.execute(fails, { idempotent: false })).toBe("from the cache");
    expect(await withCall({ deadlineMs: 500 }, () => policy.wrap(fails)())).toBe("from the cache");
  });

  it("does not answer for options that are wrong", async () => {
    const call = resilient(cached).execute(works, { deadlineMs: -1 });
    expect(await rejectionOf(call)).toMatchObject({ code: "ERR_INVALID_SPEC" });
  });
});

describe("a fallback", () => {
  it("is asked once all retries are over", async () => {
    const down = reset();
    const task = scriptedTask(throws(down));
    const answer = vi.fn<(error: unknown) => unknown>(
      (error) => explainError(error)?.attempts.length,
    );
    const policy = resilient(retry({ maxAttempts: 3 }), retryBudget(), fallback(answer));
    expect(await clock.run(policy.execute(task))).toBe(3);
    expect(task.runs).toHaveLength(3);
    expect(answer.mock.calls).toEqual([[down]]);
  });

  it.each([
    ["a timeout", timeout(100)],
    ["a deadline", deadline(100)],
  ])("answers for a call that ran into %s", async (_, limit) => {
    expect(await clock.run(resilient(limit, cached).execute(scriptedTask(hangs())))).toBe(
      "from the cache",
    );
  });

  it("is not bound by the deadline of the call that it answers for", async () => {
    const slow = scriptedTask(hangs(), {
      outcome: { value: "slow" },
      afterMs: 5_000,
      heedsSignal: true,
    });
    const source = resilient(timeout("1h"));
    const policy = resilient(
      deadline({ deadlineMs: 100, propagate: true }),
      fallback(() => source.execute(slow)),
    );
    expect(await clock.run(policy.execute(slow))).toBe("slow");
  });

  it("stands in the explanation, outermost", () => {
    const text = String(resilient(fallback("latestFromCache"), deadline("1s")).explain());
    expect(text).toMatch(
      /fallback +the method latestFromCache answers for calls that end as refused, transient, timeout, throttled\n +deadline/,
    );
    expect(String(resilient(cached).explain())).toMatch(/fallback +a function answers for/);
  });

  it.each<[unknown, FallbackOptions | undefined]>([
    ["", undefined],
    [7, undefined],
    ["latestFromCache", { on: ["aborted" as "refused"] }],
    ["latestFromCache", { on: "refused" as never }],
  ])("cannot be made of %s and %o", (answer, options) => {
    expect(() => fallback(answer as string, options)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_SPEC" }),
    );
  });
});
