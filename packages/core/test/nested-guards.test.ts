import {
  bulkhead,
  circuitBreaker,
  explainError,
  type Policy,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { drive } from "../src/engine/drive.js";
import { forceDriver } from "../src/policy/compile.js";
import { fails, rejectionOf } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const once = retry({ maxAttempts: 1 });
const inside =
  <T>(policy: Policy, task: () => Promise<T>) =>
  (): Promise<T> =>
    policy.execute(task);

describe.each(["direct", "drive"] as const)(
  "a guard met again inside its own call (%s)",
  (driver) => {
    beforeEach(() => forceDriver(driver === "drive" ? drive : undefined));
    afterEach(() => forceDriver(undefined));

    it("hears of a failure once", async () => {
      const breaker = circuitBreaker({ consecutiveFailures: 5 });
      const [outer, inner] = [resilient(breaker), resilient(breaker)];
      for (let call = 1; call <= 5; call++) {
        expect(breaker.state()).toBe("closed");
        await rejectionOf(outer.execute(inside(inner, fails)));
      }
      expect(breaker.state()).toBe("open");
    });

    it("hears of it once, too, where the outer task wraps the error as its cause", async () => {
      const breaker = circuitBreaker({ consecutiveFailures: 2 });
      const [outer, inner] = [resilient(breaker), resilient(breaker)];
      await rejectionOf(
        outer.execute(() =>
          inner.execute(fails).catch((cause: unknown) => {
            throw new Error("the mirror does not answer", { cause });
          }),
        ),
      );
      expect(breaker.state()).toBe("closed");
    });

    it("hears of another failure of the outer task, too", async () => {
      const breaker = circuitBreaker({ consecutiveFailures: 2 });
      const [outer, inner] = [resilient(breaker), resilient(breaker)];
      const failsDifferently = (): Promise<never> => inner.execute(fails).catch(() => fails());
      await rejectionOf(outer.execute(failsDifferently));
      expect(breaker.state()).toBe("open");
    });

    it("hears of a success once", async () => {
      const breaker = circuitBreaker({ failureRatio: 0.5, window: { count: 10 }, minimumCalls: 4 });
      const [outer, inner] = [resilient(breaker), resilient(breaker)];
      await outer.execute(inside(inner, () => Promise.resolve("fine")));
      await outer.execute(inside(inner, () => Promise.resolve("fine")));
      await rejectionOf(outer.execute(fails));
      expect(breaker.state()).toBe("closed");
      await rejectionOf(outer.execute(fails));
      expect(breaker.state()).toBe("open");
    });

    it("hears of a failure that the outer task did not pass on", async () => {
      const breaker = circuitBreaker({ consecutiveFailures: 1 });
      const [outer, inner] = [resilient(breaker), resilient(breaker)];
      expect(await outer.execute(() => inner.execute(fails).catch(() => "a stale copy"))).toBe(
        "a stale copy",
      );
      expect(breaker.state()).toBe("open");
    });

    it("lends its permit, so that no call waits for itself or is refused by itself", async () => {
      const room = bulkhead({ limit: 1 });
      const [outer, middle, inner] = [resilient(room), resilient(room), resilient(room)];
      const seen: number[] = [];
      const task = async (): Promise<string> => {
        seen.push(room.inFlight);
        return "fine";
      };
      expect(await outer.execute(inside(middle, inside(inner, task)))).toBe("fine");
      expect(seen).toEqual([1]);
      expect(room.inFlight).toBe(0);
    });

    it("keeps a lent permit until the last of those that run under it has ended", async () => {
      const room = bulkhead({ limit: 1 });
      const [outer, inner] = [resilient(room), resilient(room)];
      const work = new AbortController();
      const ended = new Promise((resolve) => work.signal.addEventListener("abort", resolve));
      await outer.execute(async () => void inner.execute(() => ended));
      expect(room.inFlight).toBe(1);
      expect(await rejectionOf(outer.execute(fails))).toMatchObject({ code: "ERR_BULKHEAD_FULL" });
      work.abort();
      await clock.advance(0);
      expect(room.inFlight).toBe(0);
    });

    it("lends its probe, and closes with its answer", async () => {
      const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 1_000, probes: 1 });
      const [outer, inner] = [resilient(breaker), resilient(breaker)];
      await rejectionOf(outer.execute(fails));
      await clock.advance(2_000);
      expect(await outer.execute(inside(inner, () => Promise.resolve("well again")))).toBe(
        "well again",
      );
      expect(breaker.state()).toBe("closed");
    });

    it("keeps its probe while the calls inside it learn nothing", async () => {
      const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 1_000, probes: 1 });
      const [outer, inner] = [resilient(breaker), resilient(breaker)];
      await rejectionOf(outer.execute(fails));
      await clock.advance(2_000);
      const gaveUp = AbortSignal.abort(new Error("not wanted"));
      await outer.execute(async () => {
        await rejectionOf(inner.execute(fails, { signal: gaveUp }));
        expect(await rejectionOf(inner.execute(fails))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
        return "well again";
      });
      expect(breaker.state()).toBe("closed");
    });
  },
);

describe("a method and a call inside it that share breaker, budget and bulkhead(1)", () => {
  it("open after five failing calls, and never wait for each other", async () => {
    const parts = [
      circuitBreaker({ consecutiveFailures: 5 }),
      retryBudget(),
      bulkhead({ limit: 1, queueLimit: 10 }),
      once,
    ] as const;
    const [breaker, , room] = parts;
    const [outer, inner] = [resilient(...parts), resilient(...parts)];
    for (let call = 1; call <= 5; call++) {
      expect(breaker.state()).toBe("closed");
      await rejectionOf(clock.run(outer.execute(inside(inner, fails))));
    }
    expect(breaker.state()).toBe("open");
    expect(room.inFlight).toBe(0);
    expect(room.queued).toBe(0);
  });

  it("earn the credit of one call", async () => {
    const budget = retryBudget({ ratio: 1, reserve: 0 });
    const [outer, inner] = [resilient(budget), resilient(budget)];
    await outer.execute(inside(inner, () => Promise.resolve("fine")));
    expect(budget.available().credit).toBe(1);
  });

  it("make three requests, not nine", async () => {
    const parts = [circuitBreaker(), retryBudget(), bulkhead({ limit: 1 })] as const;
    const [outer, inner] = [resilient(...parts), resilient(...parts)];
    let requests = 0;
    const error = await rejectionOf(
      clock.run(
        outer.execute(
          inside(inner, () => {
            requests++;
            return fails();
          }),
        ),
      ),
    );
    expect(requests).toBe(3);
    expect(explainError(error)?.stoppedBy).toBe("nested");
  });
});

describe("a permit", () => {
  it("is not waited for by the retry of the attempt that still holds it", async () => {
    const room = bulkhead({ limit: 1, queueLimit: 5, queueWaitMs: "1h" });
    const policy = resilient(room, retry({ baseMs: 1, jitter: "none" }), timeout(100));
    let runs = 0;
    const result = policy.execute(() =>
      ++runs === 1 ? new Promise<string>(() => {}) : Promise.resolve("second"),
    );
    expect(await clock.run(result)).toBe("second");
    expect(clock.nowMs).toBeGreaterThan(0);
  });

  it("of an attempt around it that has ended is not lent any more", async () => {
    const room = bulkhead({ limit: 1 });
    const outer = resilient(room, { context: true });
    const inner = resilient(room);
    let later: Promise<unknown> = Promise.resolve();
    await outer.execute(async () => {
      later = Promise.resolve()
        .then(() => new Promise((resolve) => setImmediate(resolve)))
        .then(() => inner.execute(() => new Promise(() => {})));
      void later;
    });
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(room.inFlight).toBe(1);
    expect(await rejectionOf(outer.execute(fails))).toMatchObject({ code: "ERR_BULKHEAD_FULL" });
  });

  it("is lent after an await, too, where the outer policy has a context", async () => {
    const room = bulkhead({ limit: 1 });
    const outer = resilient(room, { context: true });
    const inner = resilient(room);
    expect(
      await outer.execute(async () => {
        await Promise.resolve();
        return inner.execute(() => Promise.resolve("fine"));
      }),
    ).toBe("fine");
    expect(room.inFlight).toBe(0);
  });
});
