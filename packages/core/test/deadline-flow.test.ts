import {
  bulkhead,
  type Call,
  circuitBreaker,
  currentCall,
  deadline,
  explainError,
  type Policy,
  resilient,
  retry,
  retryBudget,
  timeout,
  withCall,
} from "@breakwater/core";
import { hangs, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { PROPAGATES_BY_DEFAULT } from "../src/parts/time-limits.js";
import { clock as time } from "../src/time/clock.js";
import { fails, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const nobody = (): void => {};
const exceeded = { code: "ERR_DEADLINE_EXCEEDED" };
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => void time.setTimer(resolve, ms));
const flowing = (deadlineMs: number): Policy =>
  resilient(deadline({ deadlineMs, propagate: true }), { name: "outer" });
const leftIn = (policy: Policy): Promise<number | undefined> =>
  policy.execute(({ remainingMs }) => remainingMs);
const patient = (): Policy =>
  resilient(retry({ maxAttempts: 5, baseMs: 400, maxMs: 400, jitter: "none" }), retryBudget(), {
    name: "patient",
  });
const layer = (context: boolean): Policy => resilient(circuitBreaker(), retryBudget(), { context });

/** What the call ends with, and how long that took. */
async function endOf(call: Promise<unknown>): Promise<{ error: unknown; afterMs: number }> {
  const beganMs = clock.nowMs;
  const error = await rejectionOf(clock.run(call));
  return { error, afterMs: clock.nowMs - beganMs };
}

describe.each([
  ["direct", () => resilient(circuitBreaker(), { name: "inner" })],
  ["drive", () => resilient(circuitBreaker(), timeout("1h"), { name: "inner" })],
] as const)("a deadline around a policy of the driver %s", (_, make) => {
  it("holds for a call that begins in the synchronous start", async () => {
    const inner = make();
    let left: number | undefined;
    const outer = resilient(deadline({ deadlineMs: 1_000, propagate: false }));
    const { error, afterMs } = await endOf(
      outer.execute(() =>
        inner.execute((call) => {
          left = call.remainingMs;
          return scriptedTask(hangs())(call);
        }),
      ),
    );
    expect(error).toMatchObject(exceeded);
    expect(afterMs).toBe(1_000);
    expect(left).toBe(1_000);
  });

  it("holds for one that begins after an await, with what is left of it", async () => {
    const inner = make();
    const left = flowing(1_000).execute(async () => {
      await pause(400);
      return leftIn(inner);
    });
    expect(await clock.run(left)).toBe(600);
  });

  it("does not hold after an await where it is not propagated", async () => {
    const inner = make();
    const outer = resilient(deadline({ deadlineMs: 1_000, propagate: false }));
    const left = outer.execute(async () => {
      await pause(400);
      return leftIn(inner);
    });
    expect(await clock.run(left)).not.toBe(600);
  });

  it("is propagated without being asked from Node.js 24 on", async () => {
    const inner = make();
    const left = resilient(deadline(1_000)).execute(async () => {
      await pause(400);
      return leftIn(inner);
    });
    expect((await clock.run(left)) === 600).toBe(PROPAGATES_BY_DEFAULT);
  });

  it("ends the inner attempt, with an error that says whose deadline it was", async () => {
    const inner = make();
    let ended: unknown;
    const outer = flowing(1_000).execute(async () => {
      await pause(400);
      ended = await rejectionOf(inner.execute(scriptedTask(hangs())));
      return "the outer task goes on";
    });
    await rejectionOf(clock.run(outer));
    await clock.advance(0);
    expect(ended).toMatchObject({ ...exceeded, policy: "inner" });
    expect(String(ended)).toContain("the deadline of the call around it");
  });

  it("does not begin an attempt with too little time left", async () => {
    const inner = make();
    const task = scriptedTask(hangs());
    let ended: unknown;
    const outer = flowing(1_000).execute(async () => {
      await pause(995);
      ended = await rejectionOf(inner.execute(task));
    });
    await clock.run(outer);
    expect(ended).toMatchObject(exceeded);
    expect(String(ended)).toContain("the task did not run");
    expect(task.runs).toHaveLength(0);
  });

  it("of the call, in its options or from withCall, holds, too", async () => {
    const inner = make();
    const outer = resilient(retry({ maxAttempts: 1 }), timeout("1h"));
    const nested = (): Promise<number | undefined> => leftIn(inner);
    expect(await outer.execute(nested, { deadlineMs: 700 })).toBe(700);
    expect(await withCall({ deadlineMs: 300 }, () => outer.wrap(nested)())).toBe(300);
  });

  it("never opens the circuit inside: running out of it says nothing about the dependency", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const inner = resilient(breaker, ...(_ === "drive" ? [timeout("1h")] : []));
    for (let n = 0; n < 3; n++) {
      const { error } = await endOf(
        flowing(1_000).execute(() => inner.execute(scriptedTask(hangs()))),
      );
      expect(error).toMatchObject(exceeded);
    }
    expect(breaker.state()).toBe("closed");
  });

  it("is no longer there for a timer that began inside and fires a minute later", async () => {
    const inner = make();
    let later: Promise<number | undefined> | undefined;
    await flowing(1_000).execute(async () => {
      await Promise.resolve();
      setImmediate(() => void (later = pause(60_000).then(() => leftIn(inner))));
    });
    await clock.advance(0);
    await clock.advance(60_000);
    const left = await later;
    expect(left).toBe(_ === "drive" ? 3_600_000 : undefined);
  });

  it("does not cut off what still runs when the call around it has ended well", async () => {
    const inner = make();
    let work: Promise<string> = Promise.resolve("");
    await flowing(1_000).execute(async () => {
      work = inner.execute(() => pause(5_000).then(() => "done"));
    });
    expect(await clock.run(work)).toBe("done");
  });
});

describe("an attempt inside a deadline", () => {
  it("has the shorter of its own timeout and what is left", async () => {
    const left = flowing(1_000).execute(async () => {
      await pause(400);
      return Promise.all([
        leftIn(resilient(timeout(250))),
        leftIn(resilient(timeout(600))),
        leftIn(resilient(timeout(601))),
        leftIn(resilient(deadline(100))),
        leftIn(resilient(deadline("1h"))),
      ]);
    });
    expect(await clock.run(left)).toEqual([250, 600, 600, 100, 600]);
  });

  it("fails with its own timeout where that is the shorter one", async () => {
    const inner = resilient(timeout(250));
    const { error, afterMs } = await endOf(
      flowing(1_000).execute(() => inner.execute(scriptedTask(hangs()))),
    );
    expect(error).toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
    expect(afterMs).toBe(250);
  });

  it("ends by the shortest of several nested deadlines", async () => {
    const [long, short, longest] = [flowing(2_000), flowing(500), flowing(9_000)];
    const { error, afterMs } = await endOf(
      long.execute(() =>
        short.execute(async () => {
          await pause(100);
          return longest.execute(scriptedTask(hangs()));
        }),
      ),
    );
    expect(error).toMatchObject(exceeded);
    expect(afterMs).toBe(500);
  });

  it("keeps its own limits once the call around it has ended well", async () => {
    const inner = resilient(timeout(3_000));
    let work: Promise<unknown> = Promise.resolve();
    await flowing(1_000).execute(async () => {
      work = rejectionOf(inner.execute(scriptedTask(hangs())));
    });
    const beganMs = clock.nowMs;
    expect(await clock.run(work)).toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
    expect(clock.nowMs - beganMs).toBe(3_000);
  });

  it("is not cut off by the outermost deadline when that call has ended well and only the one between goes on", async () => {
    const [middle, inner] = [resilient(timeout("1h")), resilient(timeout("30m"))];
    let work: Promise<unknown> = Promise.resolve();
    await flowing(1_000).execute(async () => {
      work = middle.execute(() => inner.execute(() => pause(5_000).then(() => "done")));
    });
    expect(await clock.run(work)).toBe("done");
  });

  it("is still cut off by the outermost deadline when only the call between has ended", async () => {
    const [middle, inner] = [resilient(timeout("1h")), resilient(timeout("30m"))];
    let work: Promise<unknown> = Promise.resolve();
    const outer = flowing(1_000).execute(async () => {
      await middle.execute(async () => {
        work = rejectionOf(inner.execute(scriptedTask(hangs())));
      });
      return pause(5_000);
    });
    const { afterMs } = await endOf(outer);
    expect(afterMs).toBe(1_000);
    expect(await clock.run(work)).toMatchObject(exceeded);
  });

  it("that begins in what a call between has left behind still belongs to the outermost one", async () => {
    const [middle, inner] = [resilient(timeout("1h")), resilient(timeout("30m"))];
    let left: number | undefined;
    const outer = flowing(1_000).execute(async () => {
      let onData = nobody;
      await middle.execute(async () => {
        void new Promise<void>((resolve) => (onData = resolve))
          .then(() => leftIn(inner))
          .then((ms) => (left = ms));
      });
      await pause(400);
      onData();
      return pause(100);
    });
    await clock.run(outer);
    expect(left).toBe(600);
  });
});

describe("a retry loop inside a deadline", () => {
  it("stops when what is left is too short, with the task's own error", async () => {
    const down = reset();
    const task = scriptedTask(throws(down));
    const inner = patient();
    const { error, afterMs } = await endOf(flowing(1_000).execute(() => inner.execute(task)));
    expect(error).toBe(down);
    expect(task.runs).toHaveLength(3);
    expect(afterMs).toBe(800);
  });

  it("reports the deadline as what stopped it", async () => {
    const inner = patient();
    let stoppedBy: unknown;
    const outer = flowing(1_000).execute(async () => {
      await pause(500);
      stoppedBy = explainError(await rejectionOf(inner.execute(fails)))?.stoppedBy;
    });
    await clock.run(outer);
    expect(stoppedBy).toBe("deadline");
  });

  it("begins nothing more after the attempt around it has timed out, also from a backoff", async () => {
    const inner = patient();
    const task = scriptedTask(throws(reset()));
    const outer = resilient(timeout(500), { context: true });
    let ended: unknown;
    await endOf(
      outer.execute(async () => {
        await pause(50);
        ended = await rejectionOf(inner.execute(task));
      }),
    );
    expect(task.runs).toHaveLength(2);
    await clock.advance(60_000);
    expect(task.runs).toHaveLength(2);
    expect(explainError(ended)?.stoppedBy).toBe("aborted");
  });

  it.each([
    ["failed", reset()],
    ["failed for good", Object.assign(new Error("gone"), { status: 404 })],
    ["failed with a mistake", new ReferenceError("quote is not defined")],
  ])("begins nothing more after the attempt around it has %s", async (_, error) => {
    const inner = patient();
    const task = scriptedTask(throws(reset()));
    for (const outer of [
      resilient(timeout("1h")),
      resilient(circuitBreaker(), { name: "a direct one" }),
    ]) {
      const before = task.runs.length;
      await rejectionOf(
        outer.execute(() => {
          inner.execute(task).catch(() => {});
          return Promise.reject(error);
        }),
      );
      await clock.advance(60_000);
      expect(task.runs).toHaveLength(before + 1);
    }
  });

  it("begins nothing more after the attempt around it has ended well", async () => {
    const inner = patient();
    const task = scriptedTask(throws(reset()));
    let ended: unknown;
    for (const outer of [
      resilient(timeout("1h")),
      resilient(circuitBreaker(), { name: "a direct one, too" }),
    ]) {
      const before = task.runs.length;
      await outer.execute(async () => {
        void rejectionOf(inner.execute(task)).then((error) => (ended = error));
      });
      await clock.advance(60_000);
      expect(task.runs).toHaveLength(before + 1);
      expect(explainError(ended)?.stoppedBy).toBe("aborted");
    }
  });

  it("has all its attempts when it begins after the call around has ended", async () => {
    const inner = patient();
    const task = scriptedTask(throws(reset()));
    await resilient(timeout("1h")).execute(async () => {
      await Promise.resolve();
      setImmediate(() => void rejectionOf(inner.execute(task)));
    });
    await clock.advance(60_000);
    expect(task.runs.length).toBeGreaterThan(1);
  });

  it("begins nothing more after the caller of the call around it has given up", async () => {
    const inner = patient();
    const task = scriptedTask(throws(reset()));
    const caller = new AbortController();
    const outer = resilient(timeout("1h"));
    const call = rejectionOf(
      outer.execute(
        (around) => {
          inner.execute(task).catch(() => {});
          return scriptedTask(hangs())(around);
        },
        { signal: caller.signal },
      ),
    );
    await clock.advance(100);
    caller.abort(new Error("not wanted any more"));
    await call;
    await clock.advance(60_000);
    expect(task.runs).toHaveLength(1);
  });

  it("begins nothing more when an attempt two levels up has timed out", async () => {
    const [middle, inner] = [resilient(timeout("1h")), patient()];
    const task = scriptedTask(throws(reset()));
    const outer = resilient(timeout(500));
    await endOf(outer.execute(() => middle.execute(() => inner.execute(task))));
    await clock.advance(60_000);
    expect(task.runs).toHaveLength(2);
  });

  it("begins no further attempt from a queue, either", async () => {
    const room = bulkhead({ limit: 1, queueLimit: 5, queueWaitMs: "1h" });
    const inner = resilient(room, retry({ maxAttempts: 3, baseMs: 100, jitter: "none" }));
    const other = resilient(room);
    const task = scriptedTask(throws(reset()));
    const outer = resilient(timeout(500));
    const call = rejectionOf(outer.execute(() => inner.execute(task)));
    await clock.advance(0);
    const busy = other.execute(() => pause(2_000));
    await clock.run(busy);
    expect(await call).toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
    await clock.advance(60_000);
    expect(task.runs).toHaveLength(1);
    expect(room.queued).toBe(0);
    expect(room.inFlight).toBe(0);
  });
});

describe("inside a context", () => {
  const outer = resilient(circuitBreaker(), { name: "outer", context: true });

  it.each([
    ["direct", resilient(circuitBreaker(), { name: "inner" })],
    ["drive", resilient(timeout("1h"), { name: "inner" })],
  ])(
    "currentCall() after an await is the inner call (%s), and the outer one afterwards",
    async (_, inner) => {
      const look = inner.wrap(async (): Promise<Call> => {
        await Promise.resolve();
        return currentCall();
      });
      const seen = await outer.execute(async () => {
        await Promise.resolve();
        const within = await look();
        return [within.policy, currentCall().policy];
      });
      expect(seen).toEqual(["inner", "outer"]);
    },
  );

  it("three policies of three attempts make three requests, also when begun after awaits", async () => {
    const [first, second, third] = [layer(true), layer(false), layer(false)];
    let requests = 0;
    const error = await rejectionOf(
      clock.run(
        first.execute(async () => {
          await pause(5);
          return second.execute(async () => {
            await pause(5);
            return third.execute(async () => {
              await pause(5);
              requests++;
              throw reset();
            });
          });
        }),
      ),
    );
    expect(requests).toBe(3);
    expect(explainError(error)?.stoppedBy).toBe("nested");
  });

  it("a call after the inner one has ended is the outer one's again", async () => {
    const inner = resilient(timeout("1h"));
    const seen = await outer.execute(async () => {
      await inner.execute(works);
      return currentCall().policy;
    });
    expect(seen).toBe("outer");
  });
});
