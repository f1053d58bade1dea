import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  BreakwaterError,
  bulkhead,
  type Call,
  circuitBreaker,
  explainError,
  fallback,
  mapCalls,
  type Policy,
  resilient,
  retry,
  retryBudget,
  tellOfDrain,
  timeout,
} from "@breakwater/core";
import { hangs, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { fails, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const nobody = (): void => {};
const draining = { code: "ERR_DRAINING", isRefusal: true };
const nothing = { retriesEnded: 0, waitsRefused: 0, finished: 0, aborted: 0, left: 0 };
const patient = retry({ maxAttempts: 3, baseMs: "1m", maxMs: "1m", jitter: "none" });

/** The garbage collector, although the process was not started with it. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

describe.each([
  ["direct", () => resilient(circuitBreaker(), { name: "crm" })],
  ["drive", () => resilient(circuitBreaker(), timeout("1h"), { name: "crm" })],
] as const)("draining a policy of the driver %s", (_, make) => {
  it("resolves at once when nothing runs", async () => {
    const beganMs = clock.nowMs;
    expect(await make().drain()).toEqual(nothing);
    expect(clock.nowMs).toBe(beganMs);
  });

  it("refuses every new call, without running its task", async () => {
    const policy = make();
    const task = scriptedTask(returns("fine"));
    await policy.drain();
    const error = await rejectionOf(policy.execute(task));
    expect(error).toBeInstanceOf(BreakwaterError);
    expect(error).toMatchObject({ ...draining, policy: "crm" });
    expect(await rejectionOf(policy.wrap(works)())).toMatchObject(draining);
    expect(task.runs).toHaveLength(0);
    expect(policy.snapshot().counters.refusedCalls).toBe(2);
  });

  it("refuses them while it waits for those that run, which may end well", async () => {
    const policy = make();
    const call = policy.execute(scriptedTask(returns("fine", { afterMs: 900 })));
    const drained = policy.drain({ graceMs: 1_000 });
    expect(await rejectionOf(policy.execute(works))).toMatchObject(draining);
    expect(await clock.run(drained)).toEqual({ ...nothing, finished: 1 });
    expect(await call).toBe("fine");
  });

  it("aborts the signals of those that still run when the grace is over", async () => {
    const policy = make();
    const beganMs = clock.nowMs;
    const call = rejectionOf(policy.execute(scriptedTask(hangs())));
    const drained = policy.drain({ graceMs: "2s" });
    expect(await clock.run(drained)).toEqual({ ...nothing, aborted: 1 });
    expect(await call).toMatchObject({ code: "ERR_DRAINING" });
    expect(clock.nowMs - beganMs).toBeGreaterThanOrEqual(2_000);
    expect(clock.nowMs - beganMs).toBeLessThan(2_100);
  });

  it("gives each task an error of its own, and does not call it refused: it has run", async () => {
    const policy = make();
    const calls = [1, 2].map(() => rejectionOf(policy.execute(scriptedTask(hangs()))));
    await clock.run(policy.drain({ graceMs: 0 }));
    const [one, other] = await Promise.all(calls);
    for (const error of [one, other]) {
      expect(error).toMatchObject({ code: "ERR_DRAINING", isRefusal: false, policy: "crm" });
      expect(explainError(error)?.attempts).toMatchObject([{ verdict: "ignored" }]);
    }
    expect(one).not.toBe(other);
  });

  it("reports as left what does not listen to its signal", async () => {
    const policy = make();
    void policy.execute(scriptedTask(hangs({ deaf: true }))).catch(() => {});
    const beganMs = clock.nowMs;
    expect(await clock.run(policy.drain({ graceMs: 100 }))).toEqual({ ...nothing, left: 1 });
    expect(clock.nowMs - beganMs).toBeLessThan(1_500);
  });

  it("tells a task that reads its signal only afterwards, too", async () => {
    const policy = make();
    let seen: Call | undefined;
    void policy.execute((call) => {
      seen = call;
      return new Promise(() => {});
    });
    await clock.run(policy.drain({ graceMs: 0 }));
    expect(seen?.signal.aborted).toBe(true);
    expect(seen?.signal.reason).toMatchObject({ code: "ERR_DRAINING" });
  });

  it("reaches a task that has kept nothing of its call but the signal", async () => {
    const policy = make();
    let signal: AbortSignal | undefined;
    let end = nobody;
    const call = policy.execute((own) => {
      ({ signal } = own);
      return new Promise<void>((resolve) => (end = resolve));
    });
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    await clock.run(policy.drain({ graceMs: 0 }));
    expect(signal?.aborted).toBe(true);
    end();
    await call;
  });

  it("twice gives both times what became of the calls that run", async () => {
    const policy = make();
    void policy.execute(scriptedTask(returns("fine", { afterMs: 300 })));
    const both = Promise.all([policy.drain(), policy.drain({ graceMs: "1s" })]);
    expect(await clock.run(both)).toEqual([
      { ...nothing, finished: 1 },
      { ...nothing, finished: 1 },
    ]);
    expect(await policy.drain()).toEqual(nothing);
  });

  it("refuses a grace that is no duration", async () => {
    expect(await rejectionOf(make().drain({ graceMs: -1 }))).toMatchObject({
      code: "ERR_INVALID_SPEC",
    });
    expect(await rejectionOf(make().drain({ graceMs: "soon" as "2s" }))).toMatchObject({
      code: "ERR_INVALID_SPEC",
    });
  });
});

describe("draining", () => {
  it("ends what waits and lets run what runs: 200 backoffs, 50 in a queue, 20 tasks", async () => {
    const room = bulkhead({ limit: 20, queueLimit: 50, queueWaitMs: "1h" });
    const budget = retryBudget({ ratio: 1, reserve: 200 });
    const policy = resilient(room, patient, budget, { name: "crm" });
    const before = budget.available();
    const errors = Array.from({ length: 200 }, reset);
    const sleepers = [];
    for (const error of errors) {
      sleepers.push(rejectionOf(policy.execute(() => Promise.reject(error))));
      await clock.advance(0);
    }
    const running = Array.from({ length: 20 }, (_, n) =>
      policy.execute(scriptedTask(n < 15 ? returns("fine", { afterMs: 500 }) : hangs())),
    );
    const settled = Promise.allSettled(running);
    const queuedTask = scriptedTask(returns("never"));
    const queued = Array.from({ length: 50 }, () => rejectionOf(policy.execute(queuedTask)));
    expect([room.inFlight, room.queued]).toEqual([20, 50]);
    const beganMs = clock.nowMs;
    const drained = policy.drain({ graceMs: "5s" });

    expect(await Promise.all(sleepers)).toEqual(errors);
    (await Promise.all(sleepers)).forEach((error, n) => expect(error).toBe(errors[n]));
    for (const error of errors)
      expect(explainError(error)).toMatchObject({ stoppedBy: "drained", attempts: [{}] });
    for (const error of await Promise.all(queued))
      expect(error).toMatchObject({ ...draining, policy: "crm" });
    expect(clock.nowMs).toBe(beganMs);
    const { credit, reserve } = budget.available();
    expect({ credit, reserve }).toEqual({ credit: before.credit + 220, reserve: before.reserve });

    expect(await clock.run(drained)).toEqual({
      retriesEnded: 200,
      waitsRefused: 50,
      finished: 15,
      aborted: 5,
      left: 0,
    });
    const ends = await settled;
    expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(15);
    for (const end of ends.slice(15))
      expect(end).toMatchObject({ status: "rejected", reason: { code: "ERR_DRAINING" } });
    expect([room.inFlight, room.queued, queuedTask.runs.length]).toEqual([0, 0, 0]);
  });

  it("does not retry an attempt that fails meanwhile", async () => {
    const policy = resilient(patient, { name: "crm" });
    const down = reset();
    const task = scriptedTask(throws(down, { afterMs: 300 }));
    const call = rejectionOf(policy.execute(task));
    await clock.run(policy.drain());
    expect(await call).toBe(down);
    expect(explainError(down)?.stoppedBy).toBe("drained");
    await clock.advance(120_000);
    expect(task.runs).toHaveLength(1);
  });

  it("gives a retry that waits in a queue its own error, and counts it among the retries", async () => {
    const room = bulkhead({ limit: 1, queueLimit: 5, queueWaitMs: "1h" });
    const policy = resilient(room, retry({ baseMs: 10, jitter: "none" }));
    const down = reset();
    const call = rejectionOf(policy.execute(scriptedTask(throws(down))));
    await clock.advance(0);
    const busy = policy.execute(scriptedTask(returns("fine", { afterMs: 500 })));
    await clock.advance(100);
    expect(room.queued).toBe(1);
    expect(await clock.run(policy.drain())).toEqual({ ...nothing, retriesEnded: 1, finished: 1 });
    expect(await call).toBe(down);
    expect(await busy).toBe("fine");
  });

  it("gives back the permit that a queue had just given to a call", async () => {
    const room = bulkhead({ limit: 1, queueLimit: 5, queueWaitMs: "1h" });
    const policy = resilient(room);
    let end = nobody;
    const work = new Promise<void>((resolve) => (end = resolve));
    const first = policy.execute(() => work);
    const second = rejectionOf(policy.execute(works));
    // Right after the attempt has heard of its end, and before the next one in line has.
    let drained: Promise<unknown> = Promise.resolve();
    void work.then(() => void (drained = policy.drain()));
    end();
    await first;
    expect(await second).toMatchObject(draining);
    await clock.run(drained);
    expect([room.inFlight, room.queued]).toEqual([0, 0]);
  });

  it("rejects those who wait until it is ready, and those who ask then", async () => {
    const policy = resilient(
      circuitBreaker({ consecutiveFailures: 1, openMs: "1h", maxOpenMs: "1h" }),
    );
    await rejectionOf(policy.execute(fails));
    const waiting = [rejectionOf(policy.ready()), rejectionOf(policy.ready())];
    expect(await policy.drain()).toEqual({ ...nothing, waitsRefused: 2 });
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject(draining);
    expect(await rejectionOf(policy.ready())).toMatchObject(draining);
  });

  it("leaves the parts alone: another policy that shares them goes on", async () => {
    const room = bulkhead({ limit: 1, queueLimit: 5 });
    const [one, other] = [resilient(room), resilient(room)];
    await one.drain();
    expect(await other.execute(works)).toBe("fine");
  });

  it("does not begin the retries of a policy inside one that is drained, once that has lost its attempt", async () => {
    const [outer, inner]: Policy[] = [resilient(timeout("1h")), resilient(patient)];
    const task = scriptedTask(throws(reset()));
    const call = rejectionOf(
      (outer as Policy).execute(({ signal }) =>
        Promise.race([
          (inner as Policy).execute(task),
          new Promise<never>((_, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason as Error)),
          ),
        ]),
      ),
    );
    await clock.run((outer as Policy).drain({ graceMs: 100 }));
    expect(await call).toMatchObject({ code: "ERR_DRAINING" });
    await clock.advance(120_000);
    expect(task.runs).toHaveLength(1);
  });

  it("lets a fallback answer, for those that wait and for those that come", async () => {
    const room = bulkhead({ limit: 1, queueLimit: 5, queueWaitMs: "1h" });
    const policy = resilient(
      room,
      fallback(() => "from the cache"),
    );
    const running = policy.execute(scriptedTask(returns("fine", { afterMs: 100 })));
    const queued = policy.execute(works);
    const drained = policy.drain();
    expect(await queued).toBe("from the cache");
    expect(await policy.execute(works)).toBe("from the cache");
    await clock.run(drained);
    expect(await running).toBe("fine");
  });
});

describe("what a policy tells of its drain", () => {
  it("is told to nobody any more whose batch has ended, and who could be forgotten", async () => {
    const policy = resilient(circuitBreaker());
    const items = await endedBatch(policy);
    await clock.advance(0);
    collectGarbage();
    expect(items.deref()).toBeUndefined();
    await policy.drain();
  });

  it("an adapter hears only when patience is lost", async () => {
    const policy = resilient(circuitBreaker());
    const told: unknown[] = [];
    const running = { abort: (reason: unknown) => void told.push(reason) };
    tellOfDrain(policy, running);
    void policy.execute(() => new Promise(nobody)); // it reads no signal
    const drained = policy.drain({ graceMs: 100 });
    await clock.advance(50);
    expect(told).toEqual([]);
    await clock.advance(100);
    expect(told).toMatchObject([{ code: "ERR_DRAINING", isRefusal: false }]);
    expect(await clock.run(drained)).toMatchObject({ left: 1 });
  });
});

/** In a function of its own, or its variables would keep them. */
async function endedBatch(policy: Policy): Promise<WeakRef<object>> {
  const items = [{ a: 1 }, { a: 2 }];
  for await (const result of mapCalls(policy, items, works))
    expect(result.status).toBe("fulfilled");
  return new WeakRef(items);
}
