import {
  bulkhead,
  type CallOptions,
  circuitBreaker,
  currentCall,
  deadline,
  type Duration,
  fallback,
  type LogLine,
  logEvents,
  mapCalls,
  type Policy,
  rateLimit,
  registry,
  type ResilienceEvent,
  resilient,
  retry,
  retryBudget,
  runningCall,
  timeout,
} from "@breakwater/core";
import {
  eventLog,
  hangs,
  resetState,
  returns,
  scriptedTask,
  throws,
} from "@breakwater/core/testing";
import { describe, expect, it, vi } from "vitest";
import { clock as time } from "../src/time/clock.js";
import type { WouldHaveDone } from "../src/policy/cohorts/compare.js";
import { fails, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const silent = (): void => {};
const shadow = { name: "crm", mode: "shadow" } as const;

function wouldOf(policy: Policy): WouldHaveDone {
  const health = registry.health().policies.filter(({ policy: name }) => name === policy.name);
  return health.at(-1)?.would as WouldHaveDone;
}

/** Ends after 300 ms, whoever gives up. */
function deaf(): Promise<string> {
  return new Promise((resolve) => void time.setTimer(() => resolve("late"), 300));
}

/** Takes every error for a wish to be asked again after so long. */
function askedToWait(retryAfterMs: number): CallOptions {
  return { classify: { error: () => ({ verdict: "throttled", retryAfterMs }) } };
}

async function repeat(times: number, call: () => Promise<unknown>): Promise<void> {
  for (let n = 0; n < times; n++) await call().catch(() => {});
}

describe("a policy in shadow", () => {
  it("refuses nobody, and knows whether its refusals would have been right", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 2 }), { ...shadow });
    await repeat(2, () => policy.execute(fails));
    await repeat(3, () => policy.execute(fails));
    expect(await policy.execute(works)).toBe("fine");
    await repeat(1, () => policy.execute(() => Promise.reject(new ReferenceError("a bug"))));
    expect(wouldOf(policy).refusals).toEqual({ right: 3, wrong: 1, other: 1 });
  });

  it("is not heard by a guard for a call that it would have refused", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 1_000 });
    const policy = resilient(breaker, rateLimit({ perSecond: 1, burst: 1 }), { ...shadow });
    await repeat(1, () => policy.execute(fails));
    await clock.advance(5_000); // half-open by now, and the rate allows one
    await policy.execute(works);
    await policy.execute(works); // refused by the rate: the probes of the circuit do not hear of it
    expect(breaker.twin().state()).toBe("half-open");
    expect(wouldOf(policy).refusals).toEqual({ right: 0, wrong: 1, other: 0 });
  });

  it("leaves the parts alone that it shares with a policy that is enforced", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const room = bulkhead({ limit: 1 });
    const [watching, enforced] = [resilient(breaker, room, shadow), resilient(breaker, room)];
    await repeat(1, () => watching.execute(fails));
    void watching.execute(() => new Promise(() => {}));
    expect(breaker.twin().state()).toBe("open");
    expect(breaker.state()).toBe("closed");
    expect(await enforced.execute(works)).toBe("fine");
  });

  it("shares its books with others in shadow that share the part", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 2 });
    const [one, other] = [resilient(breaker, shadow), resilient(breaker, { mode: "shadow" })];
    await repeat(1, () => one.execute(fails));
    await repeat(1, () => other.execute(fails));
    expect(breaker.twin().state()).toBe("open");
  });

  it("never repeats, and says what it would have repeated, within the budget", async () => {
    const budget = retryBudget({ ratio: 0, reserve: 2 });
    const policy = resilient(budget, retry({ maxAttempts: 3 }), shadow);
    const task = scriptedTask(throws(reset()));
    await repeat(5, () => policy.execute(task));
    expect(task.runs).toHaveLength(5);
    expect(wouldOf(policy)).toMatchObject({ retries: 2, deniedRetries: 3 });
    expect(budget.available().reserve).toBe(2);
  });

  it("would not repeat what must not be repeated", async () => {
    const policy = resilient(retry({ maxAttempts: 3 }), { ...shadow, idempotent: false });
    await repeat(2, () => policy.execute(fails));
    await repeat(1, () => policy.execute(fails, { maxAttempts: 1 }));
    expect(wouldOf(policy)).toMatchObject({ retries: 0, deniedRetries: 0 });
  });

  it("would not repeat what its circuit would refuse, nor what it would have refused before", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 2 }), retry(), shadow);
    await repeat(4, () => policy.execute(fails));
    expect(wouldOf(policy)).toMatchObject({ retries: 1, refusals: { right: 2 } });
  });

  it.each([
    ["a timeout", timeout(100)],
    ["a deadline", deadline(100)],
  ])("cuts nothing short, and says what %s would have cut", async (_, limit) => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const policy = resilient(breaker, limit, shadow);
    const slow = scriptedTask(returns("late", { afterMs: 300 }));
    expect(await clock.run(policy.execute(slow))).toBe("late");
    expect(wouldOf(policy).timeouts).toBe(1);
    expect(breaker.twin().state()).toBe("open");
    expect(policy.snapshot().counters.attempts).toMatchObject({ success: 1, timeout: 0 });
    const quick = scriptedTask(returns("in time", { afterMs: 99 }));
    expect(await clock.run(policy.execute(quick))).toBe("in time");
    expect(wouldOf(policy).timeouts).toBe(1);
  });

  it("shows nobody what a call brought that took too long", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), timeout(100), shadow);
    const heard = eventLog(policy, "circuit.opened");
    await clock.run(policy.execute(scriptedTask(returns("a secret", { afterMs: 300 }))));
    await clock.advance(0);
    expect(heard).toMatchObject([{ cause: { code: "ERR_ATTEMPT_TIMEOUT" } }]);
    expect(JSON.stringify(heard)).not.toContain("secret");
  });

  it("holds the shorter of two deadlines, and nothing against the dependency that had little time", async () => {
    for (const mode of ["enforce", "shadow"] as const) {
      const breaker = circuitBreaker({ consecutiveFailures: 1 });
      const policy = resilient(breaker, timeout("1s"), deadline("2s"), { ...shadow, mode });
      const books = mode === "shadow" ? breaker.twin() : breaker;
      const takes = (afterMs: number, deadlineMs: Duration): Promise<unknown> =>
        clock.run(
          policy
            .execute(scriptedTask(returns("late", { afterMs })), { deadlineMs, maxAttempts: 1 })
            .catch(() => {}),
        );
      await takes(300, "50ms");
      expect([mode, books.state()]).toEqual([mode, "closed"]);
      await takes(3_000, "1m");
      expect([mode, books.state()]).toEqual([mode, "open"]);
      expect(wouldOf(policy)?.timeouts).toBe(mode === "shadow" ? 2 : undefined);
    }
  });

  it("takes no call for a timeout whose caller gave up", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const policy = resilient(breaker, timeout(100), shadow);
    const controller = new AbortController();
    const call = policy.execute(deaf, { signal: controller.signal });
    await clock.advance(50);
    controller.abort();
    expect(await clock.run(call)).toBe("late");
    expect(breaker.twin().state()).toBe("closed");
    expect(wouldOf(policy).timeouts).toBe(0);
  });

  it("would not repeat for what there is no time left", async () => {
    const policy = resilient(deadline(100), retry(), shadow);
    await clock.run(policy.execute(scriptedTask(returns("late", { afterMs: 300 }))));
    await repeat(1, () =>
      clock.run(policy.execute(scriptedTask(throws(reset(), { afterMs: 95 })))),
    );
    expect(wouldOf(policy)).toMatchObject({ timeouts: 1, retries: 0 });
    const patient = resilient(deadline("1s"), timeout(100), retry(), {
      ...shadow,
      name: "patient",
    });
    await clock.run(patient.execute(scriptedTask(returns("late", { afterMs: 5_000 }))));
    expect(wouldOf(patient)).toMatchObject({ timeouts: 1, retries: 1 });
  });

  it("would not repeat what asks for too long a wait, nor for who has given up", async () => {
    const policy = resilient(retry({ maxRetryAfterMs: 1_000 }), shadow);
    await repeat(1, () => policy.execute(fails, askedToWait(1_001)));
    const signal = AbortSignal.abort(new DOMException("too late", "TimeoutError"));
    await repeat(1, () => policy.execute(fails, { signal }));
    expect(wouldOf(policy).retries).toBe(0);
    await repeat(1, () => policy.execute(fails, askedToWait(1_000)));
    expect(wouldOf(policy).retries).toBe(1);
  });

  it("would not have cut short what it would have refused", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), timeout(100), shadow);
    await repeat(1, () => policy.execute(fails));
    await clock.run(policy.execute(scriptedTask(returns("late", { afterMs: 300 }))));
    expect(wouldOf(policy)).toMatchObject({ timeouts: 0, refusals: { wrong: 1 } });
  });

  it.each([[[]], [[retry()]]])(
    "counts a failure once that a policy inside has counted in the same books",
    async (parts) => {
      const breaker = circuitBreaker({ consecutiveFailures: 2 });
      const [outer, inner] = [resilient(breaker, ...parts, shadow), resilient(breaker, shadow)];
      await repeat(1, () => outer.execute(() => inner.execute(fails)));
      expect(breaker.twin().state()).toBe("closed");
      await repeat(1, () => outer.execute(() => inner.execute(fails)));
      expect(breaker.twin().state()).toBe("open");
    },
  );

  it("has a context of its own inside of one", async () => {
    const inner = resilient(retry(), { ...shadow, name: "inner" });
    const outer = resilient({ name: "outer", context: true });
    const look = inner.wrap(async () => {
      await Promise.resolve();
      return currentCall().policy;
    });
    expect(await outer.execute(look)).toBe("inner");
  });

  it("would not repeat what a policy inside has given up on, unless it is told to", async () => {
    for (const [nested, retries] of [
      [false, 0],
      [true, 1],
    ] as const) {
      const inner = resilient(retry({ maxAttempts: 2, baseMs: 0 }), { name: "inner" });
      const policy = resilient(retry({ nested }), shadow);
      await rejectionOf(clock.run(policy.execute(() => inner.execute(fails))));
      expect(wouldOf(policy).retries).toBe(retries);
    }
  });

  it("is paid for once by calls of the same dependency inside each other, and by none it would have refused", async () => {
    for (const credit of ["calls", "successes"] as const) {
      const budget = retryBudget({ ratio: 0.5, reserve: 0, credit });
      const [outer, inner] = [resilient(budget, shadow), resilient(budget, { mode: "shadow" })];
      const between = resilient(circuitBreaker(), { mode: "shadow" });
      for (let n = 0; n < 2; n++)
        await outer.execute(() => between.execute(() => inner.execute(works)));
      expect(budget.twin().available().credit).toBe(1);
      const open = resilient(circuitBreaker({ consecutiveFailures: 1 }), budget, shadow);
      await repeat(1, () => open.execute(() => Promise.reject(reset())));
      const before = budget.twin().available().credit;
      for (let n = 0; n < 10; n++) await open.execute(works);
      expect(budget.twin().available().credit).toBe(before);
    }
  });

  it("hears of a call that hangs as soon as its time is over", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const policy = resilient(breaker, retry({ maxAttempts: 2 }), timeout(100), shadow);
    void policy.execute(scriptedTask(hangs({ deaf: true })));
    await clock.advance(99);
    expect([breaker.twin().state(), wouldOf(policy).timeouts]).toEqual(["closed", 0]);
    await clock.advance(30);
    expect([breaker.twin().state(), wouldOf(policy).timeouts]).toEqual(["open", 1]);
  });

  it("holds nothing against a dependency whose caller had given up by then, and frees its room", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const room = bulkhead({ limit: 1, abandonMs: 1_000 });
    const policy = resilient(breaker, room, timeout(100), shadow);
    const caller = new AbortController();
    void policy.execute(scriptedTask(hangs({ deaf: true })), { signal: caller.signal });
    caller.abort(new Error("the user has left"));
    await clock.advance(130);
    expect([breaker.twin().state(), wouldOf(policy).timeouts]).toEqual(["closed", 0]);
    await clock.advance(1_100);
    await policy.execute(works);
    expect(room.twin().inFlight).toBe(0);
  });

  it("gives up a probe that hangs for longer than the timeout, and work that has overstayed in its room", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 1_000, probes: 1 });
    const room = bulkhead({ limit: 1, abandonMs: 1_000 });
    const policy = resilient(breaker, room, timeout(100), shadow);
    await repeat(1, () => policy.execute(fails));
    await clock.advance(2_001);
    void policy.execute(scriptedTask(hangs({ deaf: true })));
    await clock.advance(99);
    await policy.execute(works);
    expect(breaker.twin().state()).toBe("half-open");
    await clock.advance(100);
    await policy.execute(works);
    expect(breaker.twin().state()).toBe("open");
    expect(room.twin().inFlight).toBe(1);
    await clock.advance(5_000);
    await policy.execute(works);
    expect(breaker.twin().state()).toBe("closed");
    expect(room.twin().inFlight).toBe(0);
  });

  it("keeps the permit of work that has not overstayed when its state is reset", async () => {
    const room = bulkhead({ limit: 2 });
    const policy = resilient(room, timeout(100), shadow);
    void policy.execute(scriptedTask(hangs({ deaf: true })));
    await clock.advance(50);
    resetState();
    expect(room.twin().inFlight).toBe(1);
    await clock.advance(60);
    resetState();
    expect(room.twin().inFlight).toBe(0);
  });

  it("does not run an item of a batch again that a policy inside has refused", async () => {
    const inner = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "inner" });
    await repeat(1, () => inner.execute(fails));
    for (const mode of ["shadow", "enforce"] as const) {
      const task = vi.fn<() => Promise<string>>(() => inner.execute(works));
      const policy = resilient(circuitBreaker(), { name: "crm", mode });
      for await (const { status } of mapCalls(policy, [1], task)) expect(status).toBe("rejected");
      expect(task).toHaveBeenCalledTimes(1);
    }
  });

  it("knows whether its tasks have read their signal", async () => {
    const policy = resilient(retry(), timeout(100), { ...shadow, idempotent: true });
    await policy.execute(works);
    expect(policy.explain().notes).toEqual([
      expect.stringContaining("no task has read its signal"),
    ]);
    await policy.execute(({ signal }) => signal.aborted);
    expect(policy.explain().notes).toEqual([]);
  });

  it("keeps the books of each object apart where each has a state of its own", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const policy = resilient(breaker, { ...shadow, scope: "instance" });
    const run = policy.wrap(async function (this: object) {
      throw reset();
    });
    for (const object of [{}, {}]) await repeat(1, () => run.call(object));
    expect(wouldOf(policy).refusals.right).toBe(0);
    expect(breaker.state()).toBe("closed");
  });

  it("goes on from a snapshot of its books", async () => {
    const [before, after] = [1, 2].map(() =>
      resilient(circuitBreaker({ consecutiveFailures: 2 }), shadow),
    ) as [Policy, Policy];
    await repeat(1, () => before.execute(fails));
    after.restore(before.snapshot());
    await repeat(2, () => after.execute(fails));
    expect(wouldOf(after).refusals.right).toBe(1);
  });

  it("lets nobody wait for room, and says who would have waited", async () => {
    const room = bulkhead({ limit: 1, queueLimit: 5 });
    const policy = resilient(room, shadow);
    const hung = policy.execute(scriptedTask(hangs()));
    expect(await policy.execute(works)).toBe("fine");
    expect(wouldOf(policy)).toMatchObject({ waits: 1, refusals: { right: 0, wrong: 0, other: 0 } });
    expect(room.twin().queued).toBe(0);
    void hung;
  });

  it("uses no fallback", async () => {
    const policy = resilient(
      fallback(() => "stale"),
      circuitBreaker(),
      shadow,
    );
    const error = reset();
    expect(await rejectionOf(policy.execute(() => Promise.reject(error)))).toBe(error);
  });

  it("never lets anybody wait for `ready()`", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), shadow);
    await repeat(1, () => policy.execute(fails));
    expect(await policy.ready()).toBeUndefined();
  });

  it.each([
    ["that only asks guards", []],
    ["that could repeat", [retry({ maxAttempts: 3 })]],
    ["with a context", [timeout("1s")]],
  ] as const)("gives the task of a plan %s its call, and the caller's signal", async (_, parts) => {
    const context = parts.some(({ kind }) => kind === "timeout");
    const policy = resilient(circuitBreaker(), ...parts, { ...shadow, context });
    const { signal } = new AbortController();
    expect(await policy.execute((call) => call.signal, { signal })).toBe(signal);
    const look = policy.wrap(async () => {
      if (context) await Promise.resolve();
      return currentCall().policy;
    });
    expect(await look()).toBe("crm");
  });

  it("runs the task also when the caller has given up already, as the bare call would", async () => {
    const policy = resilient(circuitBreaker(), retry(), shadow);
    const task = scriptedTask(returns("ran"));
    expect(await policy.execute(task, { signal: AbortSignal.abort(), deadlineMs: 0 })).toBe("ran");
  });

  it("begins no further attempt of an outer call, and takes none from it", async () => {
    const inner = resilient(circuitBreaker(), retry({ maxAttempts: 3 }), shadow);
    const outer = resilient(retry({ maxAttempts: 3, baseMs: 0 }), { name: "outer" });
    const task = scriptedTask(throws(reset()));
    await rejectionOf(clock.run(outer.execute(() => inner.execute(task))));
    expect(task.runs).toHaveLength(3);
  });

  it("passes on what a task throws at once", async () => {
    const bug = new Error("a bug");
    for (const parts of [[circuitBreaker()], [circuitBreaker(), retry()]]) {
      const call = resilient(...parts, shadow).execute(() => {
        throw bug;
      });
      expect(runningCall()).toBeUndefined();
      expect(await rejectionOf(call)).toBe(bug);
    }
  });

  it("is well, also where its circuit would be open", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), shadow);
    await repeat(1, () => policy.execute(fails));
    const health = registry
      .health()
      .policies.filter(({ policy: name }) => name === "crm")
      .at(-1);
    expect(health).toMatchObject({ status: "ok", mode: "shadow", breaker: { state: "open" } });
    expect(String(policy.explain())).toContain("mode        shadow: every call goes through");
  });
});

describe("what is heard of a shadow", () => {
  it("says so in each event, and calls nobody out for its circuits", async () => {
    const heard: ResilienceEvent[] = [];
    const policy = resilient(
      circuitBreaker({ consecutiveFailures: 1 }),
      retry(),
      timeout(50),
      shadow,
    );
    policy.on("*", (event) => heard.push(event));
    for (const type of [
      "shadow.would_refuse",
      "shadow.would_retry",
      "shadow.would_time_out",
    ] as const)
      policy.on(type, (event) => heard.push(event));
    const slow = scriptedTask(returns("late", { afterMs: 100 }));
    await clock.run(policy.execute(slow));
    await repeat(1, () => policy.execute(fails));
    await clock.advance(0);
    expect(heard.map(({ type }) => type)).toEqual([
      "circuit.opened",
      "shadow.would_time_out",
      "shadow.would_refuse",
    ]);
    for (const event of heard)
      expect(event).toMatchObject({ policy: "crm", mode: "shadow", severity: "info" });
    expect(heard[2]).toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
      verdict: "transient",
      wouldHaveBeen: "right",
    });
  });

  it("is told by the registry, once, and logged as what it is", async () => {
    const info = vi.fn<(line: LogLine) => void>();
    const off = logEvents(registry, { error: silent, warn: silent, info, debug: silent });
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), {
      ...shadow,
      name: "ledger",
    });
    await repeat(1, () => policy.execute(fails));
    await clock.advance(0);
    off();
    const lines = info.mock.calls.map(([line]) => String(line));
    expect(lines.filter((line) => line.includes("ledger"))).toEqual([
      expect.stringMatching(
        /^in shadow: circuit ledger opened: 1 failure .* calls would be refused for/,
      ),
    ]);
  });

  it("is not taken for a repeat of what happens in earnest under the same name", async () => {
    const [info, error] = [vi.fn<(line: LogLine) => void>(), vi.fn<(line: LogLine) => void>()];
    const off = logEvents(registry, { error, warn: silent, info, debug: silent });
    for (const mode of ["shadow", "enforce"] as const) {
      const breaker = circuitBreaker({ consecutiveFailures: 1 });
      await repeat(1, () => resilient(breaker, { name: "twice", mode }).execute(fails));
    }
    await clock.advance(0);
    const said = [info, error].map(({ mock }) => mock.calls.map(([{ msg }]) => msg));
    off();
    expect(
      said.map((lines) => lines.filter((msg) => msg.includes("circuit twice opened")).length),
    ).toEqual([1, 1]);
  });
});

it("a budget and a bulkhead that are retuned retune their books", async () => {
  const [budget, room] = [retryBudget({ ratio: 0, reserve: 0 }), bulkhead({ limit: 5 })];
  const policy = resilient(budget, room, shadow);
  budget.retune({ ratio: 1, reserve: 0 });
  room.retune({ limit: 1 });
  void policy.execute(scriptedTask(hangs()));
  await repeat(1, () => policy.execute(fails));
  expect(wouldOf(policy).refusals.right).toBe(1);
  expect(budget.twin().available().credit).toBe(1);
});

it("a breaker that is retuned retunes the books that are kept for it", async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 5 });
  const policy = resilient(breaker, shadow);
  breaker.retune({ consecutiveFailures: 1 });
  await repeat(1, () => policy.execute(fails));
  expect(breaker.twin().state()).toBe("open");
});
