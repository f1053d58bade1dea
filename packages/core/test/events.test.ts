import {
  bulkhead,
  circuitBreaker,
  classify,
  explainError,
  type EventType,
  type Policy,
  type ResilienceEvent,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { eventLog, hangs, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { drive } from "../src/engine/drive.js";
import { forceDriver } from "../src/policy/compile.js";
import { PAST_OPENING_MS, fail, fails, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();
afterEach(() => {
  forceDriver(undefined);
});

const typesOf = (events: readonly ResilienceEvent[]): EventType[] => events.map(({ type }) => type);
const bug = (): never => {
  throw new Error("a bug in a listener");
};

describe("'*'", () => {
  it("hears the transitions of a circuit, whole", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 2, openMs: 1_000, probes: 1 });
    const policy = resilient(breaker, { name: "crm" });
    const events = eventLog(policy);
    await fail(clock, policy, 2);
    await clock.advance(PAST_OPENING_MS);
    await policy.execute(works);
    const common = { policy: "crm", guard: "crm" };
    expect(events).toMatchObject([
      {
        ...common,
        type: "circuit.opened",
        severity: "error",
        reason: "consecutiveFailures",
        cause: { code: "ECONNRESET" },
      },
      { ...common, type: "circuit.half_opened", severity: "warning", probes: 1 },
      { ...common, type: "circuit.closed", severity: "info" },
    ]);
    const [opened, , closed] = events as [{ openMs: number }, unknown, { openedForMs: number }];
    expect(opened.openMs).toBeGreaterThan(799);
    expect(opened.openMs).toBeLessThan(1_201);
    expect(closed.openedForMs).toBe(opened.openMs);
  });

  it("hears denials and faults, and nothing of every single call", async () => {
    const policy = resilient(
      circuitBreaker({ consecutiveFailures: 100 }),
      retryBudget({ ratio: 0, reserve: 1 }),
      retry(),
      classify(bug),
      { name: "crm" },
    );
    const events = eventLog(policy);
    await policy.execute(works);
    await rejectionOf(clock.run(policy.execute(fails)));
    expect(typesOf(events)).toEqual(["hook.failed", "hook.failed", "retry.denied"]);
    expect(events.at(-1)).toMatchObject({ by: "budget", attempt: 3 });
  });

  it("hears refusals as one event a second, with their number", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1, openMs: "1m" }), {
      name: "crm",
    });
    await fail(clock, policy, 1);
    const events = eventLog(policy);
    const refusals = async (times: number): Promise<void> => {
      for (let left = times; left > 0; left--) await rejectionOf(policy.execute(works));
    };
    await refusals(100);
    expect(events).toMatchObject([
      { type: "call.refused", code: "ERR_CIRCUIT_OPEN", guard: "crm", count: 1 },
    ]);
    await clock.advance(1_000);
    await refusals(50);
    expect(events).toMatchObject([{ count: 1 }, { count: 100 }]); // 99 of before, and the first of now
    await clock.advance(1_000);
    await refusals(1);
    expect(events).toMatchObject([{ count: 1 }, { count: 100 }, { count: 50 }]);
  });

  it("hears what is left of a storm of refusals before the next event", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 1_000, probes: 1 });
    const policy = resilient(breaker, { name: "crm" });
    await fail(clock, policy, 1);
    const events = eventLog(policy);
    for (let n = 0; n < 5; n++) await rejectionOf(policy.execute(works));
    await clock.advance(PAST_OPENING_MS);
    await policy.execute(works);
    expect(typesOf(events)).toEqual([
      "call.refused",
      "call.refused",
      "circuit.half_opened",
      "circuit.closed",
    ]);
    expect(events).toMatchObject([{ count: 1 }, { count: 4 }, {}, {}]);
  });

  it("is told that a policy has no name, and asked to give it one", async () => {
    const policy = resilient();
    const events = eventLog(policy);
    await clock.advance(0);
    expect(events).toMatchObject([
      { type: "policy.unnamed", severity: "info", policy: policy.name },
    ]);
  });
});

describe("who names a type", () => {
  it("hears it for each call, refusals one by one, and no others", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 2 }), { name: "crm" });
    const [settled, refused] = [
      eventLog(policy, "attempt.settled"),
      eventLog(policy, "call.refused"),
    ];
    await policy.execute(works, { key: undefined });
    await fail(clock, policy, 2);
    for (let n = 0; n < 3; n++) await rejectionOf(policy.execute(works));
    expect(settled).toMatchObject([
      { verdict: "success" },
      { verdict: "transient" },
      { verdict: "transient" },
    ]);
    expect(refused).toMatchObject([{ count: 1 }, { count: 1 }, { count: 1 }]);
  });

  it("hears the retries of a call with their delays, and the key of it", async () => {
    const policy = resilient(retry({ baseMs: 100, jitter: "none" }), { name: "crm" });
    const events = eventLog(policy, "retry.scheduled");
    await rejectionOf(clock.run(policy.execute(fails, { key: "EUR" })));
    expect(events).toMatchObject([
      { attempt: 2, delayMs: 100, verdict: "transient", key: "EUR" },
      { attempt: 3, delayMs: 200, verdict: "transient", key: "EUR" },
    ]);
  });

  it("hears what happens in the order in which it happens", async () => {
    const parts = [circuitBreaker({ consecutiveFailures: 2 }), retry({ maxAttempts: 5 })];
    const policy = resilient(...parts, { name: "crm" });
    const types = ["retry.denied", "circuit.opened", "retry.scheduled"] as const;
    const events = eventLog(policy, ...types);
    await fail(clock, policy, 1);
    expect(typesOf(events)).toEqual(["retry.scheduled", "circuit.opened", "retry.denied"]);
  });
});

describe("an event", () => {
  const PLANS: [string, () => Policy][] = [
    ["direct", () => resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" })],
    [
      "drive",
      () => resilient(circuitBreaker({ consecutiveFailures: 1 }), retry(), { name: "crm" }),
    ],
  ];
  const TASKS: [string, () => Promise<string>][] = [
    ["rejects", fails],
    [
      "throws at once",
      () => {
        throw reset();
      },
    ],
  ];

  describe.each(PLANS)("of a plan on %s", (_, make) => {
    it.each(TASKS)("is heard before the caller goes on, whose task %s", async (__, task) => {
      const policy = make();
      const order: string[] = [];
      policy.on("circuit.opened", () => order.push("listener"));
      await policy.execute(task).catch(() => order.push("caller"));
      expect(order).toEqual(["listener", "caller"]);
    });

    it("of a refusal is heard before the refused caller goes on", async () => {
      const policy = make();
      await fail(clock, policy, 1);
      const order: string[] = [];
      policy.on("call.refused", () => order.push("listener"));
      await policy.execute(works).catch(() => order.push("caller"));
      expect(order).toEqual(["listener", "caller"]);
    });

    it("of a success is heard before its caller goes on", async () => {
      const policy = make();
      const order: string[] = [];
      policy.on("attempt.settled", () => order.push("listener"));
      await policy.execute(works).then(() => order.push("caller"));
      expect(order).toEqual(["listener", "caller"]);
    });
  });

  it("of a timeout is heard before the caller goes on", async () => {
    const policy = resilient(timeout(50), { name: "crm" });
    const order: string[] = [];
    policy.on("attempt.settled", () => order.push("listener"));
    const call = policy.execute(scriptedTask(hangs())).catch(() => order.push("caller"));
    await clock.advance(60);
    await call;
    expect(order).toEqual(["listener", "caller"]);
  });

  it("is delivered when the transition is complete: a listener that calls sees the new state", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 1_000, probes: 1 });
    const policy = resilient(breaker, { name: "crm" });
    const seen: unknown[] = [];
    policy.on("circuit.opened", async () => {
      seen.push(
        breaker.state(),
        ((await rejectionOf(policy.execute(works))) as { code: string }).code,
      );
    });
    policy.on(
      "circuit.closed",
      async () => void seen.push(breaker.state(), await policy.execute(works)),
    );
    await fail(clock, policy, 1);
    await clock.advance(PAST_OPENING_MS);
    await policy.execute(works);
    await clock.advance(1);
    expect(seen).toEqual(["open", "ERR_CIRCUIT_OPEN", "closed", "fine"]);
  });

  it("is plain JSON, with its time by the wall clock", async () => {
    clock.wallMs = 1_700_000_000_000;
    const everything = await oneOfMostTypes();
    expect(new Set(typesOf(everything)).size).toBe(12);
    for (const event of everything) {
      expect(JSON.parse(JSON.stringify(event))).toStrictEqual(event);
      expect(event.at).toBeGreaterThanOrEqual(1_700_000_000_000);
      expect(event.policy).not.toBe("");
    }
  });
});

/** A policy's life in which almost everything happens once. */
async function oneOfMostTypes(): Promise<readonly ResilienceEvent[]> {
  const policy = resilient(
    circuitBreaker({ consecutiveFailures: 3, openMs: 1_000, probes: 1, maxKeys: 1 }),
    retryBudget({ ratio: 0, reserve: 1 }),
    bulkhead({ limit: 1, abandonMs: 10 }),
    timeout(50),
    retry({ baseMs: 1 }),
  );
  const types: EventType[] = ["retry.scheduled", "call.refused", "attempt.settled"];
  const events: ResilienceEvent[] = [];
  for (const type of ["*", ...types] as const)
    policy.on(type as "*", (event) => void events.push(event));
  policy.on("circuit.closed", bug);
  await fail(clock, policy, 1);
  await rejectionOf(clock.run(policy.execute(() => Promise.reject(new Error("?")))));
  await rejectionOf(policy.execute(works));
  await clock.advance(PAST_OPENING_MS);
  await policy.execute(works);
  await rejectionOf(clock.run(policy.execute(scriptedTask(hangs({ deaf: true })))));
  await clock.advance(100);
  for (const key of ["one", "two"]) await policy.execute(works, { key });
  return events;
}

describe("a listener", () => {
  it.each<[string, () => unknown]>([
    ["throws", bug],
    ["rejects", () => Promise.reject(new Error("a bug in a listener"))],
  ])("that %s changes nothing, and is told of", async (_, listener) => {
    const run = async (listen: boolean): Promise<unknown[]> => {
      const breaker = circuitBreaker({ consecutiveFailures: 2 });
      const policy = resilient(breaker, retry(), { name: "crm" });
      const failed = eventLog(policy, "hook.failed");
      if (listen)
        for (const type of ["*", "attempt.settled", "retry.scheduled"] as const)
          policy.on(type as "*", listener);
      const error = reset();
      const same =
        (await rejectionOf(clock.run(policy.execute(() => Promise.reject(error))))) === error;
      await clock.advance(1);
      expect(failed.length > 0).toBe(listen);
      for (const event of failed)
        expect(event).toMatchObject({
          hook: "listener",
          error: { message: "a bug in a listener" },
        });
      return [same, breaker.state(), policy.snapshot().counters];
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it("that fails does not keep the others from hearing", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" });
    policy.on("circuit.opened", bug);
    const heard = eventLog(policy, "circuit.opened");
    await fail(clock, policy, 1);
    expect(heard).toHaveLength(1);
  });

  it("that fails on the report of a failure is left alone", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" });
    policy.on("circuit.opened", bug);
    const reports = vi.fn<() => never>(bug);
    policy.on("hook.failed", reports);
    await fail(clock, policy, 1);
    await clock.advance(1);
    expect(reports).toHaveBeenCalledTimes(1);
  });

  it("that has gone hears nothing more, and may go twice", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 100 }), { name: "crm" });
    const [gone, stays] = [vi.fn<() => void>(), vi.fn<() => void>()];
    const off = policy.on("attempt.settled", gone);
    policy.on("attempt.settled", stays);
    await fail(clock, policy, 1);
    off();
    off();
    await fail(clock, policy, 1);
    expect([gone.mock.calls.length, stays.mock.calls.length]).toEqual([1, 2]);
  });

  it("that has come back is not sent away by going twice before", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" });
    const back = vi.fn<() => void>();
    policy.on("circuit.opened", () => {});
    const off = policy.on("circuit.opened", back);
    off();
    policy.on("circuit.opened", back);
    off();
    await fail(clock, policy, 1);
    expect(back).toHaveBeenCalledTimes(1);
  });

  it("goes while it hears: the others hear that event all the same", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" });
    const off: () => void = policy.on("circuit.opened", () => off());
    const heard = eventLog(policy, "circuit.opened");
    await fail(clock, policy, 1);
    expect(heard).toHaveLength(1);
  });

  it("cannot change what the next one hears, or what the caller gets", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" });
    const task = scriptedTask(returns({ rows: 1 }));
    policy.on("attempt.settled", () => "another result");
    expect(await policy.execute(task)).toEqual({ rows: 1 });
  });
});

describe("a breaker that two policies share", () => {
  it("tells both what happens to it, each under its own name", async () => {
    const breaker = circuitBreaker({ name: "crm circuit", consecutiveFailures: 1 });
    const [reads, writes] = [
      resilient(breaker, { name: "reads" }),
      resilient(breaker, { name: "writes" }),
    ];
    const [heardByReads, heardByWrites] = [eventLog(reads), eventLog(writes)];
    await fail(clock, reads, 1);
    expect(heardByReads).toMatchObject([
      { type: "circuit.opened", policy: "reads", guard: "crm circuit" },
    ]);
    expect(heardByWrites).toMatchObject([
      { type: "circuit.opened", policy: "writes", guard: "crm circuit" },
    ]);
  });

  it("tells only those who still listen", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 1_000 });
    const [reads, writes] = [
      resilient(breaker, { name: "reads" }),
      resilient(breaker, { name: "writes" }),
    ];
    const [one, other] = [vi.fn<() => void>(), vi.fn<() => void>()];
    const off = reads.on("*", one);
    writes.on("*", other);
    off();
    await fail(clock, reads, 1);
    expect([one.mock.calls.length, other.mock.calls.length]).toEqual([0, 1]);
  });
});

const failing = async (policy: Policy, ...errors: [Error, ...Error[]]): Promise<unknown> => {
  const [first, ...others] = errors.map((error) => throws(error)) as [ReturnType<typeof throws>];
  return rejectionOf(clock.run(policy.execute(scriptedTask(first, ...others))));
};

describe("explainError", () => {
  it("tells the attempts, their verdicts and the waits between, as a text", async () => {
    const policy = resilient(retry({ baseMs: 100, jitter: "none" }), { name: "Rates.latest" });
    const error = await failing(
      policy,
      reset(),
      Object.assign(new Error("busy"), { status: 429 }),
      new Error("odd"),
    );
    const text = [
      "Rates.latest: 3 attempts, stopped because no attempt was left",
      "  1. transient: Error ECONNRESET: read ECONNRESET; next attempt after 100 ms",
      "  2. throttled: Error: busy; next attempt after 200 ms",
      "  3. transient (unknown error): Error: odd",
    ].join("\n");
    expect(String(explainError(error))).toBe(text);
    expect(inspect(explainError(error))).toBe(text);
  });

  it("tells the same as data", async () => {
    const policy = resilient(retry({ baseMs: 100, jitter: "none", maxAttempts: 2 }), {
      name: "crm",
      key: () => "EUR",
    });
    const error = await failing(policy, reset());
    expect(JSON.parse(JSON.stringify(explainError(error)))).toStrictEqual({
      policy: "crm",
      key: "EUR",
      attempts: [
        {
          attempt: 1,
          verdict: "transient",
          known: true,
          error: { name: "Error", code: "ECONNRESET", message: "read ECONNRESET" },
          delayMs: 100,
        },
        {
          attempt: 2,
          verdict: "transient",
          known: true,
          error: { name: "Error", code: "ECONNRESET", message: "read ECONNRESET" },
        },
      ],
      stoppedBy: "attempts",
    });
  });

  it("says that the task did not run when it did not", async () => {
    for (const parts of [[], [retry()]]) {
      const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), ...parts, {
        name: "crm",
      });
      await fail(clock, policy, 1);
      const error = await rejectionOf(policy.execute(works));
      expect(explainError(error)).toMatchObject({ attempts: [], stoppedBy: "refused" });
      expect(String(explainError(error))).toMatch(/^crm: the task did not run, /);
    }
  });

  it.each<[string, () => Policy, () => unknown]>([
    ["permanent", () => resilient(retry()), () => Object.assign(new Error("x"), { status: 404 })],
    ["ignored", () => resilient(retry()), () => new ReferenceError("x")],
    ["budget", () => resilient(retry(), retryBudget({ ratio: 0, reserve: 0 })), reset],
    ["refused", () => resilient(retry(), circuitBreaker({ consecutiveFailures: 1 })), reset],
    ["unsafe", () => resilient(retry(), { idempotent: false }), reset],
    [
      "hint",
      () => resilient(retry()),
      () => Object.assign(new Error("x"), { status: 429, retryAfter: 3_600 }),
    ],
    ["attempts", () => resilient(retry({ maxAttempts: 1 })), reset],
  ])("says what stopped the call: %s", async (stoppedBy, make, error) => {
    const thrown = await failing(make(), error() as Error);
    expect(explainError(thrown)).toMatchObject({ stoppedBy, attempts: [{ attempt: 1 }] });
  });

  it("reports the same on both drivers", async () => {
    const reports: unknown[] = [];
    for (const driver of [undefined, drive]) {
      forceDriver(driver);
      const policy = resilient(circuitBreaker(), { name: "crm" });
      const errors = [
        reset(),
        new Error("odd"),
        new ReferenceError("x"),
        Object.assign(new Error("x"), { status: 404 }),
      ];
      for (const error of errors) await failing(policy, error);
      reports.push(
        errors.map((error) => [String(explainError(error)), JSON.stringify(explainError(error))]),
      );
    }
    expect(reports[0]).toEqual(reports[1]);
  });

  it("knows nothing of what no policy has thrown, and of what is no object", async () => {
    await rejectionOf(resilient(circuitBreaker()).execute(() => Promise.reject("text")));
    for (const thrown of [new Error("x"), {}, "text", undefined, null, 5])
      expect(explainError(thrown)).toBeUndefined();
  });

  it("cuts a long message, and leaves the error as it is", async () => {
    const error = Object.freeze(new Error("x".repeat(500)));
    await failing(resilient(retry({ maxAttempts: 1 })), error);
    expect(explainError(error)?.attempts[0]?.error.message).toHaveLength(200);
    expect(error.message).toHaveLength(500);
  });
});
