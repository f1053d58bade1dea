/* oxlint-disable unicorn/no-thenable -- thenables are what is tested */
import { bulkhead, circuitBreaker, type Policy, resilient, retry, timeout } from "@breakwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compiledFor } from "../support/laws/drivers.js";
import { hold } from "../support/laws/hold.js";
import { lawRuns } from "../support/laws/seed.js";
import { unhandledDuring } from "../support/laws/unhandled.js";

const runs = lawRuns(
  "law 13, we never throw synchronously, never run a lazy thenable twice, never swallow a rejection",
);

class Subclass<T> extends Promise<T> {}

const failure = new Error("the task's own");

/** Everything that a task may do to whoever runs it. Each counts how often its work was begun. */
const TASKS = {
  "a value": () => 1,
  "a throw": () => raise(),
  "a promise": () => Promise.resolve(1),
  "a rejection": () => Promise.reject(failure),
  "a rejection with undefined": () => Promise.reject(undefined),
  "a promise of a subclass": () => Subclass.reject(failure),
  "a lazy thenable": (begun) => thenable((resolve) => (begun(), resolve(1))),
  "a lazy thenable that fails": (begun) => thenable((_, reject) => (begun(), reject(failure))),
  "a thenable that settles twice": () =>
    thenable((resolve, reject) => (resolve(1), reject(failure), resolve(2))),
  "a thenable that throws": () => thenable(raise),
  "a thenable that throws late": () => thenable((resolve) => (resolve(1), raise())),
  "a thenable that cannot be read": () => Object.defineProperty({}, "then", { get: raise }),
  "a lazy promise": (begun) => lazily(begun, Promise.resolve(1)),
  "a promise that cannot be read": () => Object.assign(Promise.resolve(1), { then: raise }),
} satisfies Record<string, (begun: () => void) => unknown>;
type TaskName = keyof typeof TASKS;

type Settle = (outcome: unknown) => void;

function raise(): never {
  throw failure;
}

function thenable(then: (resolve: Settle, reject: Settle) => unknown): object {
  return { then };
}

/** A promise whose work begins when somebody listens, as query builders have them. */
function lazily(begun: () => void, promise: Promise<unknown>): Promise<unknown> {
  const then = promise.then.bind(promise);
  return Object.assign(promise, {
    then: (...handlers: Parameters<typeof then>) => (begun(), then(...handlers)),
  });
}

const taskName = fc.constantFrom(...(Object.keys(TASKS) as TaskName[]));

/** The drivers, and what stands before them or in their place while a policy is rolled out. */
const WAYS = ["direct", "drive", "shadow", "shadow with retries", "canary", "control"] as const;

function policyFor(way: (typeof WAYS)[number]): Policy {
  const parts = [
    circuitBreaker({ failureRatio: 1, minimumCalls: 1_000_000 }),
    bulkhead({ limit: 100 }),
  ];
  const ofAll = { ratio: 1, by: "key" } as const;
  switch (way) {
    case "drive":
      return resilient(...parts, retry({ maxAttempts: 1 }), timeout("1m"), { budget: null });
    case "direct":
      return compiledFor(way, () => resilient(...parts));
    case "shadow":
      return resilient(...parts, { mode: "shadow" });
    case "shadow with retries":
      return resilient(...parts, retry(), { mode: "shadow" });
    case "canary":
      return resilient(...parts, { canary: ofAll });
    case "control":
      return resilient(...parts, retry(), { canary: { ...ofAll, ratio: 0 } });
  }
}

/** How a call ended, in words that can be compared. */
function ending(promise: Promise<unknown>): Promise<object> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

describe.each(WAYS)("by way of %s", (way) => {
  it.each(["execute", "wrap"] as const)(
    "%s returns a promise and ends as the bare async call does, whatever the task does",
    async (via) => {
      const policy = policyFor(way);
      const property = fc.asyncProperty(taskName, async (name) => {
        const task = (): unknown => TASKS[name](() => {});
        const wrapped = policy.wrap(task as () => Promise<unknown>);
        const returned = via === "wrap" ? wrapped() : policy.execute(task);
        expect(returned).toBeInstanceOf(Promise);
        expect(await ending(returned)).toEqual(await ending((async () => task())()));
      });
      await fc.assert(property, runs);
    },
  );

  it("begins a lazy thenable once for each attempt", async () => {
    const policy = policyFor(way);
    const lazy = fc.constantFrom("a lazy thenable", "a lazy thenable that fails", "a lazy promise");
    const property = fc.asyncProperty(lazy, async (name) => {
      let begun = 0;
      await ending(policy.execute(() => TASKS[name as TaskName](() => begun++)));
      expect(begun).toBe(1);
    });
    await fc.assert(property, runs);
  });

  it("raises unhandledRejection exactly as often as the bare call, with the same error", async () => {
    const policy = policyFor(way);
    const property = fc.asyncProperty(fc.array(taskName, { maxLength: 4 }), async (names) => {
      const tasks = names.map((name) => (): unknown => TASKS[name](() => {}));
      const bare = await unhandledDuring(() =>
        tasks.forEach((task) => void (async () => task())()),
      );
      const ours = await unhandledDuring(() => tasks.forEach((task) => void policy.execute(task)));
      expect(ours).toHaveLength(bare.length);
      expect(ours.every((error) => bare.includes(error))).toBe(true);
    });
    await fc.assert(property, runs);
  });
});

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  it("raises unhandledRejection once for a refusal that nobody handles, and for a task that is none", async () => {
    const full = bulkhead({ limit: 1 });
    const policy = compiledFor(driver, () => resilient(full));
    const release = hold(policy);
    const refused = await unhandledDuring(() => void policy.execute(() => 1));
    const noTask = await unhandledDuring(() => void policy.execute("no task" as never));
    expect(refused).toMatchObject([{ code: "ERR_BULKHEAD_FULL" }]);
    expect(noTask).toMatchObject([{ name: "TypeError" }]);
    await release();
  });
});
