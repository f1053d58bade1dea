import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CLIENT, LOAD, UPSTREAM } from "../../src/demo/scenario.js";
import { WorkerPool } from "../../src/demo/upstream/worker-pool.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function poolOf(workers: number, queueLimit: number): WorkerPool {
  return new WorkerPool({ workers, queueLimit, serviceMs: () => 50 });
}

/** Offers so many pieces of work, and says how many were taken. */
function offer(pool: WorkerPool, count: number, answer: () => void = () => {}): number {
  return Array.from({ length: count }, () => pool.accept(answer)).filter(Boolean).length;
}

test("a pool works on as much at once as it has workers", () => {
  const answer = vi.fn<() => void>();
  offer(poolOf(2, 10), 5, answer);
  vi.advanceTimersByTime(50);
  expect(answer).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(50);
  expect(answer).toHaveBeenCalledTimes(4);
});

test("a pool turns away what finds its queue full", () => {
  const pool = poolOf(2, 3);
  expect(offer(pool, 10)).toBe(5);
  vi.advanceTimersByTime(50);
  expect(offer(pool, 10)).toBe(2);
});

test("workers that are taken away finish what they do, and take nothing new", () => {
  const pool = poolOf(3, 10);
  const answer = vi.fn<() => void>();
  offer(pool, 6, answer);
  pool.resize(1);
  vi.advanceTimersByTime(50);
  expect(answer).toHaveBeenCalledTimes(3);
  vi.advanceTimersByTime(50);
  expect(answer).toHaveBeenCalledTimes(4);
});

test("workers that come back take up at once what waits", () => {
  const pool = poolOf(1, 10);
  const answer = vi.fn<() => void>();
  offer(pool, 6, answer);
  pool.resize(6);
  vi.advanceTimersByTime(50);
  expect(answer).toHaveBeenCalledTimes(6);
});

/** How many of the requests of the tenth second are answered before their client has left. */
function inTimeAfterTenSeconds(requestsPerSecond: number): number {
  const { workers, queueLimit, serviceMs } = UPSTREAM;
  const pool = new WorkerPool({ workers, queueLimit, serviceMs: () => serviceMs });
  offer(pool, workers + queueLimit);
  let inTime = 0;
  for (let request = 0; request < 11 * requestsPerSecond; request++) {
    const sentMs = Date.now();
    const isCounted = request >= 10 * requestsPerSecond;
    pool.accept(() => {
      if (isCounted && Date.now() - sentMs < CLIENT.timeoutMs) inTime++;
    });
    vi.advanceTimersByTime(1_000 / requestsPerSecond);
  }
  vi.advanceTimersByTime(10_000);
  return inTime;
}

describe("the server of the demo, healed with a full queue", () => {
  test("serves the calls in time again", () => {
    expect(inTimeAfterTenSeconds(LOAD.callsPerSecond)).toBe(LOAD.callsPerSecond);
  });

  test("never gets out of the retries of a naive client: it answers those who have left", () => {
    expect(inTimeAfterTenSeconds((1 + CLIENT.naiveRetries) * LOAD.callsPerSecond)).toBe(0);
  });
});
