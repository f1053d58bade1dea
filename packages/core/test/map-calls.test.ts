import {
  BreakwaterError,
  bulkhead,
  type Call,
  circuitBreaker,
  fallback,
  mapCalls,
  type MapCallsOptions,
  type MapResult,
  type Policy,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { hangs, returns, scriptedTask } from "@breakwater/core/testing";
import { describe, expect, it, vi } from "vitest";
import { clock as time } from "../src/time/clock.js";
import { fail, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => void time.setTimer(resolve, ms));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const plain = (): Policy => resilient(circuitBreaker(), { name: "crm" });
const open = async (policy: Policy): Promise<void> => fail(clock, policy, 1);
const brittle = () =>
  circuitBreaker({ consecutiveFailures: 1, openMs: 5_000, maxOpenMs: 5_000, probes: 1 });

async function readsItsSignal(_: number, { signal }: Call): Promise<void> {
  expect(signal.aborted).toBe(false);
  await pause(10);
}

/** All results, and what ended the loop. */
async function collect<T, R>(
  batch: AsyncIterable<MapResult<T, R>>,
): Promise<{ results: MapResult<T, R>[]; error: unknown }> {
  const results: MapResult<T, R>[] = [];
  try {
    for await (const result of batch) results.push(result);
    return { results, error: undefined };
  } catch (error) {
    return { results, error };
  }
}

/** A source that tells whether it was closed. */
function watched<T>(
  items: Iterable<T>,
  everyMs = 0,
): AsyncIterable<T> & { closed: number; taken: number } {
  const source = {
    closed: 0,
    taken: 0,
    async *[Symbol.asyncIterator]() {
      try {
        for (const item of items) {
          if (everyMs > 0) await pause(everyMs);
          source.taken++;
          yield item;
        }
      } finally {
        source.closed++;
      }
    },
  };
  return source;
}

describe("mapCalls gives", () => {
  it.each<[string, () => Iterable<string> | AsyncIterable<string>]>([
    ["an array", () => ["a", "b", "c"]],
    ["a text", () => "abc"],
    ["a set", () => new Set(["a", "b", "c"])],
    ["a generator", () => ["a", "b", "c"].values()],
    ["an asynchronous generator", () => watched(["a", "b", "c"])],
    ["a stream", () => new Blob(["a"]).stream().pipeThrough(letters())],
  ])("one result for each item of %s, with its index", async (_, items) => {
    const { results, error } = await collect(
      mapCalls(plain(), items(), (item, { attempt }, index) => `${item}${index}${attempt}`),
    );
    expect(error).toBeUndefined();
    expect(results).toEqual(
      ["a", "b", "c"].map((item, index) => ({
        item,
        index,
        status: "fulfilled",
        value: `${item}${index}1`,
      })),
    );
  });

  it("the results as they come, not in the order of the items", async () => {
    const batch = mapCalls(plain(), [300, 100, 200], (ms) => pause(ms).then(() => ms));
    const { results } = await clock.run(collect(batch));
    expect(results.map(({ index }) => index)).toEqual([1, 2, 0]);
  });

  it("an error and its report for each item that fails, and goes on", async () => {
    const policy = resilient(retry({ maxAttempts: 2, baseMs: 10 }), { name: "crm" });
    const down = reset();
    const batch = mapCalls(policy, [1, 2, 3], (n) => {
      if (n === 2) throw down;
      return n;
    });
    const { results } = await clock.run(collect(batch));
    const failed = results.find(({ index }) => index === 1);
    expect(failed).toMatchObject({
      status: "rejected",
      error: down,
      report: { stoppedBy: "attempts", attempts: [{ verdict: "transient" }, {}] },
    });
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  });

  it("nothing for nothing", async () => {
    expect(await collect(mapCalls(plain(), [], works))).toEqual({ results: [], error: undefined });
  });

  it("results while its source is slow", async () => {
    const beganMs = clock.nowMs;
    const atMs: number[] = [];
    const batch = mapCalls(plain(), watched(upTo(3), 1_000), () => pause(10));
    const loop = (async () => {
      for await (const _ of batch) atMs.push(clock.nowMs - beganMs);
    })();
    await clock.run(loop);
    expect(atMs).toEqual([1_010, 2_010, 3_010]);
  });

  it("the results under way, and then what its source throws", async () => {
    const broken = new Error("the cursor is gone");
    function* items(): Generator<number> {
      yield* [1, 2];
      throw broken;
    }
    const batch = mapCalls(plain(), items(), (n) => pause(100).then(() => n));
    const { results, error } = await clock.run(collect(batch));
    expect(results).toHaveLength(2);
    expect(error).toBe(broken);
  });

  it("nobody more items than the consumer keeps up with", async () => {
    const source = watched(upTo(50));
    let consumed = 0;
    const loop = (async () => {
      for await (const _ of mapCalls(plain(), source, works, { concurrency: 5 })) {
        await pause(100);
        expect(source.taken - consumed).toBeLessThanOrEqual(5 + 1);
        consumed++;
      }
    })();
    await clock.run(loop);
    expect(consumed).toBe(50);
  });

  it("warns of no listeners, however many run at once", async () => {
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on("warning", hear);
    const policy = resilient(timeout("1h"));
    const batch = mapCalls(policy, upTo(200), readsItsSignal, { concurrency: 100 });
    expect((await clock.run(collect(batch))).results).toHaveLength(200);
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("warning", hear);
    expect(warnings).toEqual([]);
  });
});

describe("while the policy refuses, mapCalls", () => {
  it("waits, and loses no item of 10,000 in an outage of 20 s", { timeout: 60_000 }, async () => {
    const [items, ratio, reserve, concurrency] = [10_000, 0.2, 10, 20];
    const policy = resilient(
      circuitBreaker({ consecutiveFailures: 5, openMs: 1_000, probes: 3 }),
      retryBudget({ ratio, reserve, reserveRefillMs: "1h" }),
    );
    const beganMs = clock.nowMs;
    let [requests, alive, most] = [0, 0, 0];
    const task = async (n: number): Promise<number> => {
      requests++;
      most = Math.max(most, ++alive);
      await pause(10);
      alive--;
      const nowMs = clock.nowMs - beganMs;
      if (nowMs >= 1_000 && nowMs < 21_000) throw reset();
      return n;
    };
    const { results, error } = await clock.run(
      collect(mapCalls(policy, upTo(items), task, { concurrency })),
    );
    expect(error).toBeUndefined();
    expect(results.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(upTo(items));
    const refused = results.filter(
      (result) => result.status === "rejected" && result.error instanceof BreakwaterError,
    );
    expect(refused).toEqual([]);
    expect(requests).toBeLessThanOrEqual(items * (1 + ratio));
    expect(most).toBe(concurrency);
    expect(clock.nowMs - beganMs).toBeGreaterThan(21_000);
  });

  it("reports the refusal instead, where that is asked for", async () => {
    const policy = resilient(brittle());
    await open(policy);
    const { results } = await collect(mapCalls(policy, [1], works, { whileOpen: "report" }));
    expect(results).toMatchObject([
      { status: "rejected", error: { code: "ERR_CIRCUIT_OPEN" }, report: { attempts: [] } },
    ]);
  });

  it("waits for room in a bulkhead, too", async () => {
    const policy = resilient(bulkhead({ limit: 2 }));
    const { results } = await clock.run(
      collect(mapCalls(policy, upTo(9), () => pause(100).then(works), { concurrency: 5 })),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(9);
  });

  it("waits for the circuit of the item's key only", async () => {
    const policy = resilient(brittle());
    await rejectionOf(policy.execute(() => Promise.reject(reset()), { key: "EUR" }));
    const { results } = await clock.run(
      collect(mapCalls(policy, ["EUR", "USD"], (item) => item, { key: (item) => item })),
    );
    expect(results.map(({ item }) => item)).toEqual(["USD", "EUR"]);
  });

  it("waits for the circuit that the policy's own key function chooses, without standing still", async () => {
    const policy = resilient(brittle(), { key: () => "EUR" });
    await open(policy);
    const { results } = await clock.run(collect(mapCalls(policy, [1, 2], works)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
  });

  it("does not wait for other policies that refuse inside the task", async () => {
    const inner = resilient(brittle());
    await open(inner);
    const beganMs = clock.nowMs;
    for (const outer of [plain(), resilient(timeout("1h"))]) {
      const { results } = await collect(mapCalls(outer, [1], () => inner.execute(works)));
      expect(results).toMatchObject([{ status: "rejected", error: { code: "ERR_CIRCUIT_OPEN" } }]);
    }
    expect(clock.nowMs).toBe(beganMs);
  });

  it("does not wait for another policy that refuses its fallback", async () => {
    const backup = resilient(brittle());
    await open(backup);
    const policy = resilient(
      timeout("1h"),
      fallback(() => backup.execute(works)),
    );
    const { results } = await collect(mapCalls(policy, [1], () => Promise.reject(reset())));
    expect(results).toMatchObject([{ status: "rejected", error: { code: "ERR_CIRCUIT_OPEN" } }]);
  });

  it("does not wait for itself where the task calls the same policy and is refused", async () => {
    const room = bulkhead({ limit: 1 });
    const policy = resilient(brittle(), room);
    const other = resilient(room);
    const task = async (): Promise<unknown> => {
      await Promise.resolve();
      await Promise.resolve();
      return policy.execute(works);
    };
    const { results } = await collect(mapCalls(policy, [1], task));
    expect(results).toMatchObject([{ status: "rejected", error: { code: "ERR_BULKHEAD_FULL" } }]);
    expect(await other.execute(works)).toBe("fine");
  });
});

describe("mapCalls ends early", () => {
  it("when its signal is aborted: running tasks are told, and the reason is thrown", async () => {
    const caller = new AbortController();
    const reason = new Error("not wanted any more");
    const source = watched(upTo(100));
    const collected = collect(
      mapCalls(plain(), source, (_, call) => scriptedTask(hangs())(call), {
        signal: caller.signal,
        concurrency: 3,
      }),
    );
    await clock.advance(1_000);
    caller.abort(reason);
    const { results, error } = await collected;
    expect(error).toBe(reason);
    const errors = results.map((result) => (result.status === "rejected" ? result.error : ""));
    expect(errors).toEqual([reason, reason, reason]);
    expect(source).toMatchObject({ taken: 3, closed: 1 });
  });

  it("at once when its signal is aborted, also while it waits for a slow source", async () => {
    const caller = new AbortController();
    const reason = new Error("not wanted any more");
    const source = watched([1, 2], 3_600_000);
    const collected = collect(mapCalls(plain(), source, works, { signal: caller.signal }));
    await clock.advance(10);
    caller.abort(reason);
    expect((await collected).error).toBe(reason);
    await clock.advance(3_600_000);
    expect(source.closed).toBe(1);
  });

  it("at once when its signal is aborted while it waits for an open circuit", async () => {
    const policy = resilient(brittle());
    await open(policy);
    const caller = new AbortController();
    const collected = collect(mapCalls(policy, [1, 2], works, { signal: caller.signal }));
    await clock.advance(10);
    caller.abort(new Error("not wanted any more"));
    expect((await collected).error).toBe(caller.signal.reason);
  });

  it("before it begins when its signal is aborted already", async () => {
    const signal = AbortSignal.abort(new Error("not wanted"));
    const task = scriptedTask(returns(1));
    const { results, error } = await collect(
      mapCalls(plain(), [1], (_, call) => task(call), { signal }),
    );
    expect([results, error, task.runs]).toEqual([[], signal.reason, []]);
  });

  it("when its consumer leaves: the source is closed, and running tasks are told", async () => {
    const source = watched(upTo(100));
    const signals: AbortSignal[] = [];
    const task = (n: number, { signal }: Call): Promise<void> => {
      signals.push(signal);
      return pause(n === 0 ? 10 : 100_000);
    };
    const loop = (async () => {
      for await (const _ of mapCalls(plain(), source, task, { concurrency: 4 })) break;
    })();
    await clock.run(loop);
    expect(signals.length).toBe(4);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    expect(source.closed).toBe(1);
  });

  it("at once when its consumer leaves while the source is slow", async () => {
    const source = (async function* () {
      yield 1;
      await pause(3_600_000);
      yield 2;
    })();
    const beganMs = clock.nowMs;
    const loop = (async () => {
      for await (const _ of mapCalls(plain(), source, works)) break;
    })();
    await clock.run(loop);
    expect(clock.nowMs).toBe(beganMs);
  });

  it("with the reason, although the source fails when it is closed", async () => {
    const signal = AbortSignal.abort(new Error("not wanted"));
    const source = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: 1 }),
        return: (): never => {
          throw new Error("cannot be closed");
        },
      }),
    };
    expect((await collect(mapCalls(plain(), source, works, { signal }))).error).toBe(signal.reason);
  });

  it("does not close a source that has failed", async () => {
    let closed = 0;
    const broken = new Error("the cursor is gone");
    const source = {
      [Symbol.iterator]: () => ({
        next: (): never => {
          throw broken;
        },
        return: () => ({ done: true as const, value: closed++ }),
      }),
    };
    expect((await collect(mapCalls(plain(), source, works))).error).toBe(broken);
    expect(closed).toBe(0);
  });

  it("with ERR_DRAINING when the policy is drained, once the calls under way have ended", async () => {
    const policy = plain();
    const source = watched(upTo(100));
    const collected = collect(
      mapCalls(policy, source, (n) => pause(1_000).then(() => n), { concurrency: 5 }),
    );
    await clock.advance(1_500);
    const drained = policy.drain();
    const { results, error } = await clock.run(collected);
    expect(error).toMatchObject({ code: "ERR_DRAINING" });
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    expect(results).toHaveLength(10);
    expect(await clock.run(drained)).toMatchObject({ finished: 5, left: 0 });
    expect(source.closed).toBe(1);
  });

  it("with ERR_DRAINING also while all its items wait for an open circuit", async () => {
    const policy = resilient(brittle());
    await open(policy);
    const collected = collect(mapCalls(policy, [1, 2], works));
    await clock.advance(10);
    await policy.drain();
    expect((await collected).error).toMatchObject({ code: "ERR_DRAINING" });
  });

  it.each([
    ["direct", plain],
    ["drive", () => resilient(retry({ maxAttempts: 2 }))],
  ])("after the grace of a drain: running tasks are told by their signal (%s)", async (_, make) => {
    const policy = make();
    const collected = collect(mapCalls(policy, [1, 2], (__, call) => scriptedTask(hangs())(call)));
    await clock.advance(10);
    expect(await clock.run(policy.drain({ graceMs: 100 }))).toMatchObject({ aborted: 2, left: 0 });
    const { results, error } = await collected;
    expect(results).toHaveLength(2);
    expect(error).toMatchObject({ code: "ERR_DRAINING" });
  });

  it("and a drain tells no batch that has ended: 10,000 of them leave nothing behind", async () => {
    const policy = plain();
    for (let n = 0; n < 10_000; n++) await collect(mapCalls(policy, [n], works));
    const left = rejectionOf(policy.execute(scriptedTask(hangs())));
    const abort = vi.spyOn(AbortController.prototype, "abort");
    await clock.run(policy.drain({ graceMs: 100 }));
    const told = abort.mock.calls.length;
    abort.mockRestore();
    await left;
    expect(told).toBe(1); // the call that hangs
  });
});

describe("mapCalls is given", () => {
  it("a key function that throws: the items that it throws for fail with its error", async () => {
    const wrong = new Error("no tenant");
    const key = (item: number): string => {
      if (item === 1) throw wrong;
      return "EUR";
    };
    const { results } = await collect(mapCalls(plain(), [0, 1, 2], works, { key }));
    expect(results.map(({ status }) => status).toSorted()).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
    expect(results.find(({ status }) => status === "rejected")).toMatchObject({
      index: 1,
      error: wrong,
    });
  });

  it.each<[string, MapCallsOptions<number>]>([
    ["concurrency", { concurrency: 0 }],
    ["concurrency", { concurrency: 1.5 }],
    ["whileOpen", { whileOpen: "later" as "wait" }],
    ["key", { key: "EUR" as never }],
  ])("a wrong %s: it says so, and takes nothing", async (name, options) => {
    const source = watched([1]);
    const { error } = await collect(mapCalls(plain(), source, works, options));
    expect(error).toMatchObject({
      code: "ERR_INVALID_SPEC",
      issues: [{ path: `mapCalls.${name}` }],
    });
    expect(source.taken).toBe(0);
  });
});

/** Whatever comes, three letters go. */
function letters(): ReadableWritablePair<string, Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, string>({
    transform(_, controller) {
      for (const letter of "abc") controller.enqueue(letter);
    },
  });
  return { readable, writable };
}
