import {
  bulkhead,
  circuitBreaker,
  currentCall,
  deadline,
  fallback,
  type LogLine,
  logEvents,
  type Policy,
  rateLimit,
  registry,
  type ResilienceEvent,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import {
  hangs,
  installVirtualClock,
  returns,
  scriptedTask,
  throws,
  type VirtualClock,
} from "@breakwater/core/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WouldHaveDone } from "../src/policy/cohorts/compare.js";
import { fails, rejectionOf, reset, works } from "./regressions/fixtures.js";

let clock: VirtualClock;
beforeEach(() => void (clock = installVirtualClock()));
afterEach(() => clock.restore());

const silent = (): void => {};
const shadow = { name: "crm", mode: "shadow" } as const;

function wouldOf(policy: Policy): WouldHaveDone {
  const health = registry.health().policies.filter(({ policy: name }) => name === policy.name);
  return health.at(-1)?.would as WouldHaveDone;
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
    for (const parts of [[circuitBreaker()], [circuitBreaker(), retry()]])
      expect(
        await rejectionOf(
          resilient(...parts, shadow).execute(() => {
            throw bug;
          }),
        ),
      ).toBe(bug);
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
      "shadow.would_time_out",
      "circuit.opened",
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
});

it("a breaker that is retuned retunes the books that are kept for it", async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 5 });
  const policy = resilient(breaker, shadow);
  breaker.retune({ consecutiveFailures: 1 });
  await repeat(1, () => policy.execute(fails));
  expect(breaker.twin().state()).toBe("open");
});
