import {
  bulkhead,
  circuitBreaker,
  deadLetter,
  type DeadLetterOptions,
  type DeadLetterRecord,
  deadline,
  type EventOf,
  explainError,
  fallback,
  mapCalls,
  type Policy,
  registry,
  resilient,
  type ResilienceEvent,
  retry,
  retryBudget,
} from "@breakwater/core";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { rejectionOf, reset } from "../regressions/fixtures.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

useVirtualClock();

/** A sink that keeps all it gets. */
class Kept {
  readonly records: DeadLetterRecord[] = [];
  flushes = 0;
  write(record: DeadLetterRecord): void {
    this.records.push(record);
  }
  flush(): void {
    this.flushes++;
  }
}

let sink: Kept;
beforeEach(() => void (sink = new Kept()));

const lettersTo = (options: Partial<DeadLetterOptions> = {}) =>
  deadLetter({
    sink,
    payload: (...args: never[]) => args,
    redact: (text) => text.replaceAll(/token=\w+/g, "token=…"),
    ...options,
  });

const withStatus = (code: number): Error =>
  Object.assign(new Error(`status ${code}`), { status: code });

/** Calls a wrapped function that rejects with `error`. */
async function giveUp(policy: Policy, error: unknown, ...args: unknown[]): Promise<unknown> {
  const order = policy.wrap(async (...given: unknown[]) => Promise.reject(given && error));
  return clock.run(rejectionOf(order(...args)));
}

function heard(policy: Policy): ResilienceEvent[] {
  const events: ResilienceEvent[] = [];
  policy.on("*", (event) => void events.push(event));
  policy.on("dead_letter.written", (event) => void events.push(event));
  return events;
}

const ofType = <T extends ResilienceEvent["type"]>(
  events: readonly ResilienceEvent[],
  type: T,
): EventOf<T>[] => events.filter((event): event is EventOf<T> => event.type === type);

const downs = (): Promise<never> => Promise.reject(reset());

describe("a call that was given up on", () => {
  it("leaves a record with its attempts, its error and its payload", async () => {
    const policy = resilient(lettersTo(), retry({ maxAttempts: 2, jitter: "none" }), {
      name: "billing",
      key: () => "eu",
    });
    const error = reset();
    expect(await giveUp(policy, error, { id: 7 })).toBe(error);
    expect(sink.records).toEqual([
      {
        version: 1,
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        policy: "billing",
        key: "eu",
        at: clock.wallMs,
        stoppedBy: "attempts",
        error: { name: "Error", code: "ECONNRESET", message: error.message },
        attempts: explainError(error)?.attempts,
        payload: [{ id: 7 }],
      },
    ]);
    expect(sink.records[0]?.attempts.map(({ delayMs }) => delayMs)).toEqual([200, undefined]);
  });

  it.each([
    ["permanent", [], withStatus(404)],
    ["budget", [retry({ maxAttempts: 3 }), retryBudget({ ratio: 0, reserve: 0 })], reset()],
    ["deadline", [retry({ jitter: "none" }), deadline("100ms")], reset()],
    ["refused", [circuitBreaker({ consecutiveFailures: 1 }), retry({ maxAttempts: 3 })], reset()],
    ["attempts", [], reset()],
  ] as const)("leaves one when it ends by %s", async (stoppedBy, parts, error) => {
    await giveUp(resilient(lettersTo(), ...parts), error);
    expect(sink.records.map((record) => record.stoppedBy)).toEqual([stoppedBy]);
  });

  it("leaves none when it succeeds in the end, is ignored, or is aborted by its caller", async () => {
    const policy = resilient(lettersTo(), retry({ maxAttempts: 2 }));
    let runs = 0;
    await clock.run(policy.execute(() => (++runs === 1 ? Promise.reject(reset()) : "fine")));
    await giveUp(policy, new ReferenceError("x is not defined"));
    const caller = new AbortController();
    const call = rejectionOf(
      policy.execute(() => Promise.reject(reset()), { signal: caller.signal }),
    );
    await clock.advance(0);
    caller.abort(new Error("not wanted"));
    await clock.run(call);
    expect(sink.records).toEqual([]);
  });

  it("leaves none when its task did not run", async () => {
    const policy = resilient(lettersTo(), circuitBreaker({ consecutiveFailures: 1 }));
    await giveUp(policy, reset());
    await giveUp(policy, reset());
    expect(sink.records).toHaveLength(1);
  });

  it("leaves none when every attempt was refused by a policy inside", async () => {
    const inside = resilient(circuitBreaker({ consecutiveFailures: 1 }));
    const policy = resilient(lettersTo());
    const call = () => clock.run(rejectionOf(policy.execute(() => inside.execute(downs))));
    await call();
    await call();
    expect(sink.records.map(({ stoppedBy }) => stoppedBy)).toEqual(["attempts"]);
  });

  it("leaves one for exactly the endings that it is given", async () => {
    const policy = resilient(
      lettersTo({ on: ["refused"] }),
      circuitBreaker({ consecutiveFailures: 1 }),
      retry({ maxAttempts: 3 }),
    );
    await giveUp(policy, reset());
    await clock.advance(60_000);
    await giveUp(policy, withStatus(404));
    expect(sink.records.map((record) => record.stoppedBy)).toEqual(["refused"]);
  });

  it("leaves one also where a fallback answers", async () => {
    const policy = resilient(
      lettersTo(),
      fallback(() => "stale"),
    );
    const order = policy.wrap(async (_id: number): Promise<string> => Promise.reject(reset()));
    expect(await order(7)).toBe("stale");
    expect(sink.records.map(({ payload }) => payload)).toEqual([[7]]);
  });

  it("leaves one for a response that means failure, and the caller gets the response", async () => {
    const response = new Response("busy", { status: 503 });
    const policy = resilient(lettersTo());
    expect(await policy.wrap(async () => response)()).toBe(response);
    expect(sink.records[0]?.error).toMatchObject({ message: "status 503" });
  });

  it("has the idempotency key that its task was given", async () => {
    const policy = resilient(lettersTo());
    let key = "";
    const task = policy.execute((call) => {
      key = call.idempotencyKey;
      return Promise.reject(reset());
    });
    await rejectionOf(task);
    expect(sink.records[0]?.idempotencyKey).toBe(key);
  });

  it("is recorded as it was: what the caller changes later is not in it", async () => {
    const order = { id: 7 };
    const policy = resilient(lettersTo({ sink: { write: async (record) => sink.write(record) } }));
    await giveUp(policy, reset(), order);
    order.id = 8;
    await clock.advance(10);
    expect(sink.records[0]?.payload).toEqual([{ id: 7 }]);
  });
});

describe("redaction", () => {
  it("sees each whole message, before it is cut", async () => {
    const secret = `${"x".repeat(195)}token=abcdef`;
    await giveUp(resilient(lettersTo()), Object.assign(new Error(secret), { code: "ECONNRESET" }));
    const text = JSON.stringify(sink.records);
    expect(text).not.toContain("abc");
    expect(sink.records[0]?.error.message).toHaveLength(200);
    expect(sink.records[0]?.attempts[0]?.error.message).not.toContain("token=a");
  });
});

describe("hooks that fail", () => {
  it.each([
    [
      "payload",
      {
        payload: (): unknown => {
          throw new Error("no");
        },
      },
    ],
    ["payload", { payload: (): unknown => 1n }],
    ["payload", { payload: async (): Promise<unknown> => Promise.reject(new Error("a promise")) }],
    [
      "redact",
      {
        redact: () => {
          throw new Error("no");
        },
      },
    ],
    ["redact", { redact: () => undefined as never }],
    ["redact", { redact: (() => Promise.reject(new Error("no"))) as never }],
  ] as const)("change nothing for the call, and become an event: %s", async (during, hooks) => {
    const policy = resilient(lettersTo(hooks));
    const events = heard(policy);
    const error = reset();
    expect(await giveUp(policy, error)).toBe(error);
    expect(ofType(events, "dead_letter.failed")).toMatchObject([{ during }]);
    expect(sink.records).toEqual([]);
  });

  it("what JSON cannot hold is left out, and nothing at all is null", async () => {
    await giveUp(resilient(lettersTo({ payload: () => undefined })), reset());
    await giveUp(resilient(lettersTo({ payload: () => ({ a: 1, f() {} }) })), reset());
    expect(sink.records.map(({ payload }) => payload)).toEqual([null, { a: 1 }]);
  });

  it("a payload that is too large is dropped, and said", async () => {
    const policy = resilient(lettersTo({ maxPayloadBytes: 10, payload: () => "é".repeat(5) }));
    const events = heard(policy);
    await giveUp(policy, reset());
    expect(ofType(events, "dead_letter.dropped")).toMatchObject([{ reason: "size", count: 1 }]);
  });
});

describe("a sink", () => {
  it.each([
    [
      "throws",
      () => {
        throw new Error("disk full");
      },
    ],
    ["rejects", async () => Promise.reject(new Error("disk full"))],
  ])("that %s hides no error, and is told", async (_, write) => {
    const policy = resilient(lettersTo({ sink: { write } }));
    const events = heard(policy);
    const error = reset();
    expect(await giveUp(policy, error)).toBe(error);
    await clock.advance(0);
    expect(ofType(events, "dead_letter.failed")).toMatchObject([
      { during: "write", id: expect.any(String) as string, error: { message: "disk full" } },
    ]);
  });

  it("is told of nothing until the call is over, and the caller does not wait for it", async () => {
    const policy = resilient(lettersTo({ sink: { write: () => new Promise<void>(() => {}) } }));
    const before = clock.nowMs;
    await giveUp(policy, reset());
    expect(clock.nowMs).toBe(before);
  });

  it("that hangs loses what comes over its bound, and each loss is counted", async () => {
    const write = vi.fn<() => Promise<void>>(() => new Promise<void>(() => {}));
    const policy = resilient(lettersTo({ sink: { write }, waitingLimit: 3, writeMs: "5s" }));
    const events = heard(policy);
    for (let n = 0; n < 10; n++) await giveUp(policy, reset());
    expect(write).toHaveBeenCalledTimes(3);
    await clock.advance(5_000);
    expect(ofType(events, "dead_letter.failed")).toHaveLength(3);
    const drained = policy.drain();
    await clock.run(drained);
    const dropped = ofType(events, "dead_letter.dropped");
    expect(dropped.reduce((sum, { count }) => sum + count, 0)).toBe(7);
    expect(dropped.every(({ reason }) => reason === "waiting")).toBe(true);
  });

  it("that hung is asked again once its writes have been given up", async () => {
    const write = vi.fn<() => Promise<void>>(() => new Promise<void>(() => {}));
    const policy = resilient(lettersTo({ sink: { write }, waitingLimit: 1, writeMs: "5s" }));
    await giveUp(policy, reset());
    await giveUp(policy, reset());
    expect(write).toHaveBeenCalledTimes(1);
    await clock.advance(5_000);
    await giveUp(policy, reset());
    expect(write).toHaveBeenCalledTimes(2);
  });

  it("that is slow gets everything, and each record is told once it is safe", async () => {
    const waits: (() => void)[] = [];
    const slow = { write: () => new Promise<void>((resolve) => void waits.push(resolve)) };
    const policy = resilient(lettersTo({ sink: slow }), { name: "slow" });
    const events = heard(policy);
    await giveUp(policy, reset());
    expect(ofType(events, "dead_letter.written")).toEqual([]);
    waits[0]?.();
    await clock.advance(0);
    expect(ofType(events, "dead_letter.written")).toMatchObject([{ stoppedBy: "attempts" }]);
  });

  it("that is full drops, which is said once a second with its number", async () => {
    const full = {
      write: () => {
        throw Object.assign(new Error("full"), { code: "ERR_SINK_FULL" });
      },
    };
    const policy = resilient(lettersTo({ sink: full }));
    const events = heard(policy);
    for (let n = 0; n < 5; n++) await giveUp(policy, reset());
    await clock.advance(1_000);
    await giveUp(policy, reset());
    expect(ofType(events, "dead_letter.dropped").map(({ count }) => count)).toEqual([1, 5]);
  });

  it("may be shared, and each policy hears of its own records", async () => {
    const shared = lettersTo();
    const [a, b] = [resilient(shared, { name: "a" }), resilient(shared, { name: "b" })];
    const heardByA = heard(a);
    await giveUp(a, reset());
    await giveUp(b, reset());
    expect(sink.records.map(({ policy }) => policy)).toEqual(["a", "b"]);
    expect(ofType(heardByA, "dead_letter.written")).toHaveLength(1);
  });
});

describe("a drain", () => {
  it("waits until the sink has everything, and flushes it", async () => {
    const waits: (() => void)[] = [];
    const flush = vi.fn<() => void>();
    const slow = { write: () => new Promise<void>((resolve) => void waits.push(resolve)), flush };
    const policy = resilient(lettersTo({ sink: slow }));
    await giveUp(policy, reset());
    const drained = vi.fn<() => void>();
    void policy.drain().then(drained);
    await clock.advance(100);
    expect([drained.mock.calls.length, flush.mock.calls.length]).toEqual([0, 0]);
    for (const resolve of waits) resolve();
    await clock.advance(0);
    expect([drained.mock.calls.length, flush.mock.calls.length]).toEqual([1, 1]);
  });

  it("does not wait for ever for a flush that hangs, and says so", async () => {
    const hangs = { write() {}, flush: () => new Promise<void>(() => {}) };
    const policy = resilient(lettersTo({ sink: hangs, writeMs: "5s" }));
    const events = heard(policy);
    await clock.run(policy.drain());
    expect(ofType(events, "dead_letter.failed")).toMatchObject([{ during: "flush" }]);
  });
});

it("a call that queued keeps its arguments", async () => {
  const policy = resilient(lettersTo(), bulkhead({ limit: 1, queueLimit: 1 }));
  const fails = policy.wrap(async (id: number) => {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    return Promise.reject<number>(Object.assign(reset(), { id }));
  });
  await Promise.allSettled([fails(1), fails(2)]);
  expect(sink.records.map(({ payload }) => payload)).toEqual([[1], [2]]);
});

it("calls that share one error leave a record each, with their own attempts", async () => {
  const error = reset();
  const once = resilient(lettersTo(), { name: "once" });
  const twice = resilient(lettersTo(), retry({ maxAttempts: 2, nested: true }), { name: "twice" });
  await clock.run(
    Promise.allSettled([
      once.execute(() => Promise.reject(error)),
      twice.execute(() => Promise.reject(error)),
    ]),
  );
  expect(sink.records.map(({ policy, attempts }) => [policy, attempts.length])).toEqual([
    ["once", 1],
    ["twice", 2],
  ]);
});

it("explain() and the log say it", async () => {
  const policy = resilient(lettersTo(), { name: "billing" });
  expect(String(policy.explain())).toContain("deadLetter");
  expect(String(policy.explain())).toContain("a record of calls that end by attempts, budget");
  expect(registry.policies()).toContain(policy);
});

it("without a sink nothing of it is made", () => {
  expect(
    resilient({ name: "plain" })
      .explain()
      .parts.find(({ kind }) => kind === "deadLetter"),
  ).toMatchObject({ present: false });
});

it("what is missing or wrong is said, all of it", () => {
  expect(() =>
    deadLetter({ sink: {}, redact: "x", on: ["aborted"], waitingLimit: 0 } as never),
  ).toThrow(
    expect.objectContaining({
      code: "ERR_INVALID_SPEC",
      issues: expect.arrayContaining([
        expect.objectContaining({ path: "deadLetter.sink" }),
        expect.objectContaining({ path: "deadLetter.payload" }),
        expect.objectContaining({ path: "deadLetter.redact" }),
        expect.objectContaining({ path: "deadLetter.on.0" }),
        expect.objectContaining({ path: "deadLetter.waitingLimit" }),
      ]) as unknown,
    }),
  );
});

const policyWithLetters = () =>
  resilient(
    lettersTo(),
    circuitBreaker({ consecutiveFailures: 1, openMs: 1_000 }),
    retry({ maxAttempts: 2, jitter: "none" }),
  );

async function batch(policy: Policy, task: () => Promise<unknown>): Promise<string[]> {
  const results: string[] = [];
  for await (const { status } of mapCalls(policy, ["item"], task)) results.push(status);
  return results;
}

describe("an item of a batch whose retry was refused", () => {
  it("leaves none if it succeeds when it comes back", async () => {
    let runs = 0;
    const task = () => (++runs === 1 ? downs() : Promise.resolve("fine"));
    expect(await clock.run(batch(policyWithLetters(), task))).toEqual(["fulfilled"]);
    expect(sink.records).toEqual([]);
  });

  it("leaves one, and only one, if it fails again and again", async () => {
    expect(await clock.run(batch(policyWithLetters(), downs))).toEqual(["rejected"]);
    expect(sink.records.map(({ stoppedBy }) => stoppedBy)).toEqual(["refused"]);
  });

  it("leaves only that of its last call if that ends another way", async () => {
    let runs = 0;
    const task = () => Promise.reject(++runs === 1 ? reset() : withStatus(404));
    expect(await clock.run(batch(policyWithLetters(), task))).toEqual(["rejected"]);
    expect(sink.records.map(({ stoppedBy }) => stoppedBy)).toEqual(["permanent"]);
  });

  it("leaves one if a drain ends the wait", async () => {
    const policy = policyWithLetters();
    const ended = batch(policy, downs).catch((error: unknown) => error);
    await clock.advance(500);
    await clock.run(policy.drain({ graceMs: 0 }));
    await clock.run(ended);
    expect(sink.records.map(({ stoppedBy }) => stoppedBy)).toEqual(["refused"]);
  });
});
