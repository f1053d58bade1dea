import { AsyncLocalStorage } from "node:async_hooks";
import {
  bulkhead,
  deadline,
  type Policy,
  type PolicyPart,
  rateLimit,
  resilient,
  retry,
  timeout,
} from "@breakwater/core";
import { describe, expect, it } from "vitest";
import { clock as time } from "../src/time/clock.js";
import { reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const request = new AsyncLocalStorage<string>();
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => void time.setTimer(resolve, ms));
const backoff = retry({ maxAttempts: 2, baseMs: 10 });

describe("each attempt runs in the asynchronous context of its own caller", () => {
  it.each<[string, readonly PolicyPart[]]>([
    ["in the queue of a bulkhead", [bulkhead({ limit: 1, queueLimit: 5 })]],
    ["in the queue of a rate limit", [rateLimit({ perSecond: 50, burst: 1, waitMs: "1s" })]],
    ["after a timeout", [timeout(50), backoff]],
    ["after a timeout, without a backoff", [timeout(50), retry({ maxAttempts: 2, baseMs: 0 })]],
    ["after a failure", [backoff]],
    ["after a timeout, in a queue", [timeout(50), backoff, bulkhead({ limit: 1, queueLimit: 5 })]],
  ])("after a wait %s", async (_, parts) => {
    const policy = resilient(...parts);
    const seen: [string, string | undefined][] = [];
    const calls = ["A", "B", "C"].map((id) =>
      request.run(id, () =>
        policy.execute(async ({ attempt }) => {
          seen.push([id, request.getStore()]);
          if (attempt === 1 && parts.includes(backoff) && parts.length === 1) throw reset();
          await pause(attempt === 1 ? 100 : 1);
        }),
      ),
    );
    await clock.run(Promise.allSettled(calls));
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(seen.filter(([id, store]) => id !== store)).toEqual([]);
  });

  it("so a queued call is not bound by the deadline of the one that made room for it", async () => {
    const room: Policy = resilient(bulkhead({ limit: 1, queueLimit: 5, queueWaitMs: "1h" }));
    const inner = resilient(timeout("1h"));
    const outer = resilient(deadline({ deadlineMs: 1_000, propagate: true }));
    const first = outer.execute(async () => {
      await pause(1);
      await room.execute(() => pause(100));
      return pause(500);
    });
    await clock.advance(1);
    const left = room.execute(async () => {
      await pause(1);
      return inner.execute(({ remainingMs }) => remainingMs);
    });
    expect(await clock.run(left)).toBe(3_600_000);
    await clock.run(first);
    expect(await room.execute(works)).toBe("fine");
  });
});
