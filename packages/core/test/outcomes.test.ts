import {
  type Call,
  circuitBreaker,
  classify,
  explainError,
  type Policy,
  type PolicyPart,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { hangs, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { drive } from "../src/engine/drive.js";
import { forceDriver } from "../src/policy/compile.js";
import { clock as clockInUse } from "../src/time/clock.js";
import { nodeError, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();
afterEach(() => {
  forceDriver(undefined);
});

/** Plans that fit the driver without waits, on it and on the other one; and a plan that repeats. */
const ONCE = [
  ["direct", undefined, 1, () => [circuitBreaker({ consecutiveFailures: 9 })]],
  ["drive", drive, 1, () => [circuitBreaker({ consecutiveFailures: 9 })]],
] as const;
const EVERY = [
  ...ONCE,
  [
    "drive, three attempts",
    undefined,
    3,
    () => [circuitBreaker({ consecutiveFailures: 9 }), retry()],
  ],
] as const;

const attemptsOf = (policy: Policy) => policy.snapshot().counters.attempts;

describe.each(EVERY)("%s", (_, driver, mostRuns, parts) => {
  let policy: Policy;
  beforeEach(() => {
    forceDriver(driver);
    policy = resilient(...parts());
  });

  const THROWN: [string, unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["a number", 0],
    ["an empty text", ""],
    ["a bigint", 5n],
    ["a symbol", Symbol("thrown")],
    ["a function", () => {}],
    ["a plain object", { code: 5 }],
    ["a frozen object", Object.freeze({ reason: "frozen" })],
    ["a frozen error", Object.freeze(new Error("frozen"))],
    ["an object without a prototype", Object.create(null)],
    ["an error whose properties throw", hostile()],
  ];

  it.each(THROWN)("a task that rejects with %s: the caller gets just that", async (__, thrown) => {
    let runs = 0;
    const call = policy.execute(() => {
      runs++;
      return Promise.reject(thrown);
    });
    expect(Object.is(await rejectionOf(clock.run(call)), thrown)).toBe(true);
    expect(runs).toBe(mostRuns);
    expect(attemptsOf(policy)).toMatchObject({ transient: mostRuns, success: 0 });
  });

  it.each(THROWN)("a task that throws %s synchronously: the same", async (__, thrown) => {
    let runs = 0;
    const call = policy.execute(() => {
      runs++;
      throw thrown as Error;
    });
    expect(Object.is(await rejectionOf(clock.run(call)), thrown)).toBe(true);
    expect(runs).toBe(mostRuns);
    expect(attemptsOf(policy)).toMatchObject({ transient: mostRuns, success: 0 });
  });

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["false", false],
    ["NaN", Number.NaN],
    ["an array", []],
    ["a function", () => {}],
    ["an error", new Error("returned, not thrown")],
    ["a frozen object", Object.freeze({})],
    ["an object with a status", { status: 503 }],
  ])("a task that returns %s: the caller gets just that", async (__, value) => {
    expect(Object.is(await policy.execute(() => value), value)).toBe(true);
    expect(Object.is(await policy.execute(() => Promise.resolve(value)), value)).toBe(true);
    expect(attemptsOf(policy)).toMatchObject({ success: 2 });
  });

  it("runs a lazy thenable once for each attempt", async () => {
    let runs = 0;
    const lazy = thenable((resolve, reject) => {
      if (++runs < mostRuns) reject(reset());
      else resolve("fine");
    });
    expect(await clock.run(policy.execute(() => lazy))).toBe("fine");
    expect(runs).toBe(mostRuns);
  });

  it("takes the first word of a thenable that settles twice", async () => {
    expect(await clock.run(policy.execute(() => settlesTwice("resolve")))).toBe("resolved");
    const call = policy.execute(() => settlesTwice("reject"));
    expect(await rejectionOf(clock.run(call))).toBe("rejected");
    expect(attemptsOf(policy)).toMatchObject({ success: 1, transient: mostRuns });
  });

  it("hands on the error of a thenable that cannot even be read", async () => {
    const error = new Error("no then");
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
    const unreadable = Object.defineProperty({}, "then", {
      get: () => {
        throw error;
      },
    });
    expect(await rejectionOf(clock.run(policy.execute(() => unreadable)))).toBe(error);
  });

  it("lets a promise of another class have its own way, once", async () => {
    const handlers = vi.fn<() => void>();
    class Query<T> extends Promise<T> {
      // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
      override then<A = T, B = never>(
        onValue?: ((value: T) => A | PromiseLike<A>) | null,
        onError?: ((error: unknown) => B | PromiseLike<B>) | null,
      ): Promise<A | B> {
        handlers();
        return super.then(onValue, onError);
      }
    }
    const row = { id: 1 };
    const result = policy.execute(() => new Query<typeof row>((resolve) => resolve(row)));
    expect(await result).toBe(row);
    expect(handlers).toHaveBeenCalledTimes(1);
  });

  it("stays pending with a task that never settles, and counts nothing", async () => {
    const settled = vi.fn<() => void>();
    void policy.execute(() => new Promise(() => {})).finally(settled);
    await clock.advance(86_400_000);
    expect(settled).not.toHaveBeenCalled();
    expect(Object.values(attemptsOf(policy)).every((count) => count === 0)).toBe(true);
  });

  it("never throws synchronously, whatever it is given", async () => {
    for (const nonsense of [undefined, null, 5, "task", {}])
      expect(await rejectionOf(policy.execute(nonsense as never))).toBeInstanceOf(TypeError);
    for (const options of [null, {}, { signal: null }, { signal: undefined, key: undefined }])
      expect(await policy.execute(works, options as never)).toBe("fine");
  });
});

describe("a call's own deadline", () => {
  it("that is no time, or beyond any timer, asks for no timer that the system cannot hold", async () => {
    const setTimer = vi.spyOn(clockInUse, "setTimer");
    const policy = resilient(circuitBreaker());
    for (const deadlineMs of [Infinity, 2 ** 31, Number.NaN, "5s"])
      await policy.execute(works, { deadlineMs: deadlineMs as number }).catch(() => {});
    for (const [, ms] of setTimer.mock.calls) {
      expect(ms).toBeGreaterThan(0);
      expect(ms).toBeLessThan(2 ** 31);
    }
  });
});

type Settle = (outcome: unknown) => void;

/** What is no promise and has a `then`. */
function thenable(then: (resolve: Settle, reject: Settle) => void): PromiseLike<unknown> {
  // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
  return Object.defineProperty({}, "then", { value: then }) as PromiseLike<unknown>;
}

function settlesTwice(first: "resolve" | "reject"): PromiseLike<unknown> {
  return thenable((resolve, reject) => {
    if (first === "reject") reject("rejected");
    resolve("resolved");
    resolve("resolved again");
    reject("rejected later");
    throw new Error("and thrown");
  });
}

function read(): never {
  throw new Error("don't look");
}

function hostile(): Error {
  const names = ["name", "message", "code", "status", "cause", "response"];
  return Object.defineProperties(
    new Error("hostile"),
    Object.fromEntries(names.map((name) => [name, { get: read }])),
  );
}

describe("a task that settles after its timeout", () => {
  it.each([
    ["resolves", returns("late", { afterMs: 500 })],
    ["rejects", throws(new Error("late"), { afterMs: 500 })],
  ])("and then %s changes nothing any more", async (_, { outcome }) => {
    const breaker = circuitBreaker({ consecutiveFailures: 2 });
    const policy = resilient(breaker, timeout(100));
    const deaf = { outcome, afterMs: 500, heedsSignal: false };
    const call = policy.execute(scriptedTask(deaf));
    expect(await rejectionOf(clock.run(call))).toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
    await clock.advance(1_000);
    expect(attemptsOf(policy)).toMatchObject({ timeout: 1, success: 0, transient: 0, late: 1 });
    await rejectionOf(policy.execute(() => Promise.reject(reset())));
    expect(breaker.state()).toBe("open"); // the late success has not reset the row
  });
});

describe.each(ONCE)("a fetch Response that says failure: %s", (_, driver) => {
  beforeEach(() => forceDriver(driver));

  it.each([
    [503, "transient"],
    [500, "transient"],
    [429, "throttled"],
    [408, "transient"],
    [501, "success"],
    [404, "success"],
    [302, "success"],
    [200, "success"],
  ] as const)("%i is %s, and the caller gets it unread", async (status, verdict) => {
    const policy = resilient(circuitBreaker());
    const response = new Response("the body", { status });
    expect(await policy.execute(() => Promise.resolve(response))).toBe(response);
    expect(await response.text()).toBe("the body");
    expect(attemptsOf(policy)[verdict]).toBe(1);
  });

  it("opens the circuit like an error does", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 2 });
    const policy = resilient(breaker);
    for (const status of [503, 503]) await policy.execute(() => new Response(null, { status }));
    expect(breaker.state()).toBe("open");
  });
});

const streamed = (status: number, headers: Record<string, string> = {}) => {
  const cancelled = vi.fn<() => void>();
  const body = new ReadableStream(
    {
      pull: (controller) => {
        controller.enqueue(new TextEncoder().encode("the body"));
        controller.close();
      },
      cancel: cancelled,
    },
    { highWaterMark: 0 },
  );
  return { response: new Response(body, { status, headers }), cancelled };
};
const responding = (...responses: { response: Response }[]) =>
  scriptedTask(
    ...(responses.map(({ response }) => returns(response)) as [
      ReturnType<typeof returns<Response>>,
    ]),
  );

describe("a fetch Response that says failure, where retries follow", () => {
  it("is retried, its body cancelled; the one that works is untouched", async () => {
    const sent = [streamed(503), streamed(503), streamed(200)] as const;
    const result = await clock.run(resilient(retry()).execute(responding(...sent)));
    expect(result).toBe(sent[2].response);
    expect(sent.map(({ cancelled }) => cancelled.mock.calls.length)).toEqual([1, 1, 0]);
    expect(await result.text()).toBe("the body");
  });

  it("is returned unchanged when retries end, its body readable", async () => {
    const sent = [streamed(503), streamed(500), streamed(503)] as const;
    const policy = resilient(retry());
    const result = await clock.run(policy.execute(responding(...sent)));
    expect(result).toBe(sent[2].response);
    expect(sent.map(({ cancelled }) => cancelled.mock.calls.length)).toEqual([1, 1, 0]);
    expect(await result.text()).toBe("the body");
    expect(explainError(result)).toMatchObject({ stoppedBy: "attempts" });
  });

  it("is returned at once, its body readable, when nothing may be repeated", async () => {
    const sent = streamed(503);
    const policy = resilient(retry(), { idempotent: false });
    const result = await policy.execute(responding(sent));
    expect(await result.text()).toBe("the body");
    expect(explainError(result)).toMatchObject({ stoppedBy: "unsafe" });
  });

  it("is waited for as long as its Retry-After asks", async () => {
    const policy = resilient(retry({ baseMs: 0 }));
    const task = responding(streamed(429, { "retry-after": "7" }), streamed(200));
    const beganMs = clock.nowMs;
    await clock.run(policy.execute(task));
    expect(clock.nowMs - beganMs).toBe(7_000);
  });

  it("does not keep its connection when the caller gives up during the backoff", async () => {
    const sent = streamed(503);
    const caller = new AbortController();
    const policy = resilient(retry());
    const call = rejectionOf(policy.execute(responding(sent), { signal: caller.signal }));
    await clock.advance(1);
    caller.abort("enough");
    expect(await clock.run(call)).toBe("enough");
    expect(sent.cancelled).toHaveBeenCalledTimes(1);
  });

  it("does not keep its connection when it comes after its attempt's timeout", async () => {
    const sent = streamed(200);
    const late = { outcome: { value: sent.response }, afterMs: 500, heedsSignal: false };
    await rejectionOf(clock.run(resilient(timeout(100)).execute(scriptedTask(late))));
    await clock.advance(1_000);
    expect(sent.cancelled).toHaveBeenCalledTimes(1);
  });

  it("is retried although its body cannot be cancelled any more: the task has read it", async () => {
    let runs = 0;
    const policy = resilient(retry());
    const result = await clock.run(
      policy.execute(async () => {
        const response = new Response("the body", { status: ++runs < 3 ? 503 : 200 });
        response.body?.getReader();
        return response;
      }),
    );
    expect(result.status).toBe(200);
  });
});

const write = (): Policy => resilient(retry({ maxAttempts: 3 }), { idempotent: false });

describe("work that must not run twice (idempotent: false)", () => {
  it.each<[string, () => unknown]>([
    ["a reset", reset],
    ["a broken pipe", () => nodeError("EPIPE", "write")],
    ["a socket that timed out", () => nodeError("ETIMEDOUT", "read")],
    ["a 500", () => Object.assign(new Error("Internal Server Error"), { status: 500 })],
    ["a 429", () => Object.assign(new Error("Too Many Requests"), { status: 429 })],
    ["an error that nobody knows", () => new Error("who knows")],
    [
      "a refused connection among sent requests",
      () => new AggregateError([nodeError("ECONNREFUSED", "connect"), reset()]),
    ],
  ])("is run once on %s", async (_, error) => {
    const thrown = error();
    const task = scriptedTask(throws(thrown));
    expect(await rejectionOf(clock.run(write().execute(task)))).toBe(thrown);
    expect(task.runs).toHaveLength(1);
    expect(explainError(thrown)).toMatchObject({ stoppedBy: "unsafe" });
  });

  it("is run once on a timeout", async () => {
    const policy = resilient(retry(), timeout(50), { idempotent: false });
    const task = scriptedTask(hangs());
    const error = await rejectionOf(clock.run(policy.execute(task)));
    expect(error).toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
    await clock.advance(60_000);
    expect(task.runs).toHaveLength(1);
  });

  it.each<[string, () => unknown]>([
    ["a refused connection", () => nodeError("ECONNREFUSED", "connect")],
    ["a name that cannot be resolved", () => nodeError("ENOTFOUND", "getaddrinfo")],
    ["a resolver that is away", () => nodeError("EAI_AGAIN", "getaddrinfo")],
    ["a host that cannot be reached", () => nodeError("EHOSTUNREACH", "connect")],
    ["a connection that never came to be", () => nodeError("ETIMEDOUT", "connect")],
    [
      "a refused connection that fetch reports",
      () => new TypeError("fetch failed", { cause: nodeError("ECONNREFUSED", "connect") }),
    ],
    [
      "refused connections to all addresses",
      () =>
        new AggregateError([
          nodeError("ECONNREFUSED", "connect"),
          nodeError("ENETUNREACH", "connect"),
        ]),
    ],
  ])("is run up to three times on %s", async (_, error) => {
    const task = scriptedTask(throws(error()));
    await rejectionOf(clock.run(write().execute(task)));
    expect(task.runs).toHaveLength(3);
  });

  it("may be declared by its arguments, and by the call", async () => {
    const runs: string[] = [];
    const send = (method: string): Promise<never> => {
      runs.push(method);
      return Promise.reject(reset());
    };
    const policy = resilient(retry(), { idempotent: (method: string) => method === "GET" });
    for (const method of ["GET", "POST"]) await rejectionOf(clock.run(policy.wrap(send)(method)));
    expect(runs).toEqual(["GET", "GET", "GET", "POST"]);

    const task = scriptedTask(throws(reset()));
    await rejectionOf(clock.run(resilient(retry()).execute(task, { idempotent: false })));
    expect(task.runs).toHaveLength(1);
  });

  it.each<[string, (...args: never[]) => unknown]>([
    [
      "throws",
      () => {
        throw new Error("a bug");
      },
    ],
    ["returns a promise", () => Promise.resolve(false)],
    ["returns nothing", () => undefined],
    ["returns a text", () => "false"],
  ])(
    "is what a function says that %s: what is not certain is not repeated",
    async (_, idempotent) => {
      const policy = resilient(retry(), { idempotent: idempotent as () => boolean });
      const task = scriptedTask(throws(reset()));
      await rejectionOf(clock.run(policy.execute(task)));
      expect(task.runs).toHaveLength(1);
    },
  );
});

describe("an attempt that opens the circuit", () => {
  it("ends the call at once with the caller's own error, and costs no token", async () => {
    const budget = retryBudget({ ratio: 1, reserve: 5 });
    const breaker = circuitBreaker({ consecutiveFailures: 3 });
    const policy = resilient(
      breaker,
      budget,
      retry({ maxAttempts: 10, baseMs: 100, jitter: "none" }),
    );
    const error = reset();
    const task = scriptedTask(throws(error));
    const beganMs = clock.nowMs;
    expect(await rejectionOf(clock.run(policy.execute(task)))).toBe(error);
    expect(clock.nowMs - beganMs).toBe(100 + 200);
    expect(task.runs).toHaveLength(3);
    expect(explainError(error)).toMatchObject({ stoppedBy: "refused" });
    expect(budget.available()).toEqual({ credit: 0, reserve: 5 - 1 }); // one of two retries came from the credit
  });

  it("gives the token back when it is another call that opens it during the backoff", async () => {
    const budget = retryBudget({ ratio: 0, reserve: 5 });
    const breaker = circuitBreaker({ consecutiveFailures: 2 });
    const policy = resilient(breaker, budget, retry({ baseMs: 100, jitter: "none" }));
    const error = reset();
    const call = rejectionOf(policy.execute(() => Promise.reject(error)));
    await clock.advance(50);
    expect(budget.available().reserve).toBe(4);
    await rejectionOf(resilient(breaker).execute(() => Promise.reject(reset())));
    expect(await clock.run(call)).toBe(error);
    expect(budget.available().reserve).toBe(5);
    expect(explainError(error)).toMatchObject({ stoppedBy: "refused", attempts: [{ attempt: 1 }] });
    expect(policy.snapshot().counters).toMatchObject({ retries: 0, deniedRetries: 1 });
  });
});

const layers = (...between: PolicyPart[]) =>
  [1, 2, 3].map(() => resilient(retry({ maxAttempts: 3, baseMs: 1 }), ...between)) as [
    Policy,
    Policy,
    Policy,
  ];
const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
/** What a call rejects with that also waits for turns of the real event loop. */
const rejectionInTime = async (call: Promise<unknown>): Promise<unknown> => {
  const rejection = rejectionOf(call);
  const settled = vi.fn<() => void>();
  void rejection.finally(settled);
  while (settled.mock.calls.length === 0) await clock.advance(10);
  return rejection;
};

describe("three nested policies of three attempts", () => {
  type Nest = (outer: Policy, inner: () => Promise<unknown>) => Promise<unknown>;
  const NESTS: [string, Nest][] = [
    ["directly", (outer, inner) => outer.execute(inner)],
    ["in async functions", (outer, inner) => outer.execute(async () => await inner())],
    [
      "after an await",
      (outer, inner) =>
        outer.execute(async () => {
          await Promise.resolve();
          return inner();
        }),
    ],
    [
      "after a turn of the event loop",
      (outer, inner) =>
        outer.execute(async () => {
          await nextTurn();
          return inner();
        }),
    ],
    ["by wrap", (outer, inner) => outer.wrap(inner)()],
    [
      "with errors wrapped as causes",
      (outer, inner) =>
        outer.execute(async () => {
          await Promise.resolve();
          try {
            return await inner();
          } catch (cause) {
            throw new Error("a layer failed", { cause });
          }
        }),
    ],
    [
      "with a slow look at the error before it goes on",
      (outer, inner) =>
        outer.execute(async () => {
          try {
            return await inner();
          } catch (error) {
            await nextTurn();
            throw error;
          }
        }),
    ],
    [
      "round a policy that only breaks",
      (outer, inner) => outer.execute(() => resilient(circuitBreaker()).execute(inner)),
    ],
  ];

  it.each(NESTS)("make 3 requests: nested %s", async (_, nest) => {
    const [outer, middle, inner] = layers();
    const request = vi.fn<() => Promise<never>>(() => Promise.reject(reset()));
    const call = nest(outer, () => nest(middle, () => nest(inner, request)));
    const error = await rejectionInTime(call);
    expect(request).toHaveBeenCalledTimes(3);
    expect(explainError(error)).toMatchObject({ policy: outer.name, stoppedBy: "nested" });
  });

  it.each(NESTS)(
    "make 3 requests, 3 times over, with one error object: nested %s",
    async (_, nest) => {
      const [outer, middle, inner] = layers();
      const singleton = reset();
      const request = vi.fn<() => Promise<never>>(() => Promise.reject(singleton));
      for (const sum of [3, 6, 9]) {
        await rejectionInTime(nest(outer, () => nest(middle, () => nest(inner, request))));
        expect(request).toHaveBeenCalledTimes(sum);
      }
    },
  );

  it.each([1, 4])("make 3 requests for each of %i calls at a time", async (calls) => {
    const [outer, middle, inner] = layers();
    const request = vi.fn<() => Promise<never>>(() => Promise.reject(reset()));
    const call = (): Promise<unknown> =>
      rejectionOf(
        outer.execute(async () => await middle.execute(async () => await inner.execute(request))),
      );
    await clock.run(Promise.all(Array.from({ length: calls }, call)));
    expect(request).toHaveBeenCalledTimes(3 * calls);
  });

  it("make 3 requests when a Response says the failure", async () => {
    const [outer, middle, inner] = layers();
    const request = vi.fn<() => Promise<Response>>(() =>
      Promise.resolve(new Response("", { status: 503 })),
    );
    const call = outer.execute(() => middle.execute(() => inner.execute(request)));
    expect((await clock.run(call)).status).toBe(503);
    expect(request).toHaveBeenCalledTimes(3);
  });

  it("make 9 where two of them ask for it", async () => {
    const outer = resilient(retry({ maxAttempts: 3, nested: true }));
    const inner = resilient(retry({ maxAttempts: 3 }));
    const request = vi.fn<() => Promise<never>>(() => Promise.reject(reset()));
    await rejectionOf(clock.run(outer.execute(() => inner.execute(request))));
    expect(request).toHaveBeenCalledTimes(9);
  });

  it("still retry what fails outside of the inner ones", async () => {
    const [outer, , inner] = layers();
    let runs = 0;
    const call = outer.execute(async () => {
      await rejectionOf(inner.execute(() => Promise.reject(reset())));
      if (++runs < 3) throw reset();
      return "fine";
    });
    expect(await clock.run(call)).toBe("fine");
  });
});

const policyOf = (options: Parameters<typeof retry>[0] = {}): Policy =>
  resilient(retry({ maxAttempts: 3, baseMs: 100, jitter: "none", ...options }));
const counting = (error: unknown, afterMs = 0) => scriptedTask(throws(error, { afterMs }));

describe("an error object that many calls share", () => {
  it("is retried by a call that comes after another has given up on it", async () => {
    const error = reset();
    const [one, other] = [policyOf(), policyOf()];
    await rejectionOf(clock.run(one.execute(counting(error))));
    const task = counting(error);
    await rejectionOf(clock.run(other.execute(task)));
    expect(task.runs).toHaveLength(3);
  });

  it.each([
    ["at the same time", 0, 0],
    ["one a little later", 0, 30],
    ["the other a little later", 30, 0],
    ["one during the other's attempt", 0, 50],
    ["one during the other's backoff", 0, 120],
  ])("is retried by both of two policies, begun %s", async (_, oneAfterMs, otherAfterMs) => {
    const error = reset();
    const tasks = [counting(error, 70), counting(error, 40)] as const;
    const calls = [
      [oneAfterMs, policyOf(), tasks[0]],
      [otherAfterMs, policyOf({ baseMs: 35 }), tasks[1]],
    ] as const;
    const outcomes: Promise<unknown>[] = [];
    for (const [afterMs, policy, task] of [...calls].toSorted(([a], [b]) => a - b)) {
      await clock.advance(afterMs);
      outcomes.push(rejectionOf(policy.execute(task)));
    }
    await clock.run(Promise.all(outcomes));
    expect(tasks.map(({ runs }) => runs.length)).toEqual([3, 3]);
  });

  it("is retried by the many callers of one shared rejected promise", async () => {
    const error = reset();
    const shared = Promise.reject(error);
    const policies = Array.from({ length: 10 }, () => policyOf());
    const tasks = policies.map(() => vi.fn<() => Promise<never>>(() => shared));
    const calls = policies.map((policy, n) =>
      rejectionOf(policy.execute(tasks[n] as (typeof tasks)[number])),
    );
    await clock.run(Promise.all(calls));
    for (const task of tasks) expect(task).toHaveBeenCalledTimes(3);
  });

  it("is retried by those who wait for one pending promise that is then rejected", async () => {
    const error = reset();
    const settlers: { reject?: (error: Error) => void } = {};
    const pending = new Promise<never>((_, reject) => Object.assign(settlers, { reject }));
    const tasks = [
      vi.fn<() => Promise<never>>(() => pending),
      vi.fn<() => Promise<never>>(async () => await pending),
    ] as const;
    const writes = resilient(retry({ maxAttempts: 3 }), { idempotent: false });
    const reading = rejectionOf(policyOf().execute(tasks[0]));
    const writing = rejectionOf(writes.execute(tasks[1])); // gives up at once
    await clock.advance(10);
    settlers.reject?.(error);
    await clock.run(Promise.all([reading, writing]));
    expect(tasks[0]).toHaveBeenCalledTimes(3);
    expect(tasks[1]).toHaveBeenCalledTimes(1);
  });

  it("is retried by a call that began before the one that gave up on it, a turn later", async () => {
    const error = reset();
    const task = counting(error, 80);
    const early = rejectionOf(policyOf().execute(task));
    await clock.advance(10);
    const writes = resilient(retry({ maxAttempts: 3 }), { idempotent: false });
    await rejectionOf(clock.run(writes.execute(counting(error, 20))));
    await clock.run(early);
    expect(task.runs).toHaveLength(3);
  });

  it("is explained by the latest call that threw it", async () => {
    const error = reset();
    for (const name of ["first", "second"]) {
      await rejectionOf(clock.run(resilient(retry(), { name }).execute(counting(error))));
      expect(explainError(error)).toMatchObject({ policy: name });
    }
  });
});

describe("an outcome that the user's rule calls a success", () => {
  it.each(EVERY)("is the end of the call: %s", async (_, driver, __, parts) => {
    forceDriver(driver);
    const policy = resilient(...parts(), classify({ error: () => "success" }));
    const error = reset();
    const task = scriptedTask(throws(error));
    expect(await rejectionOf(clock.run(policy.execute(task)))).toBe(error);
    expect(task.runs).toHaveLength(1);
    expect(attemptsOf(policy)).toMatchObject({ success: 1 });
  });

  it.each(EVERY)("is that with a hint, too: %s", async (_, driver, __, parts) => {
    forceDriver(driver);
    const rule = classify({ result: () => ({ verdict: "success", retryAfterMs: 50 }) });
    const task = scriptedTask(returns("fine"));
    expect(await clock.run(resilient(...parts(), rule).execute(task))).toBe("fine");
    expect(task.runs).toHaveLength(1);
  });
});

describe("an attempt's call object", () => {
  it.each(EVERY)(
    "is fresh for each call and tells its attempt: %s",
    async (_, driver, mostRuns, parts) => {
      forceDriver(driver);
      const policy = resilient(...parts(), { name: "rates" });
      const calls: Call[] = [];
      const task = (call: Call): Promise<never> => {
        calls.push(call);
        return Promise.reject(reset());
      };
      await rejectionOf(clock.run(policy.execute(task, { key: "EUR" })));
      expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3].slice(0, mostRuns));
      expect(new Set(calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
      for (const { key, policy: name, signal } of calls)
        expect([key, name, signal.aborted]).toEqual(["EUR", "rates", false]);
    },
  );
});
