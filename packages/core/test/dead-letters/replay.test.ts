import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  circuitBreaker,
  deadLetter,
  definePolicy,
  fallback,
  type Policy,
  rateLimit,
  resilient,
  retry,
  retryBudget,
} from "@breakwater/core";
import {
  type DeadLetterStore,
  fileDeadLetters,
  replay,
  type ReplayedLetter,
} from "@breakwater/core/dead-letters";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lettersIn, recordAt } from "../contracts/dead-letter-store.js";
import { rejectionOf, reset } from "../regressions/fixtures.js";

let directory: string;
let store: DeadLetterStore;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "replay-"));
  store = fileDeadLetters({ directory });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const another = (): DeadLetterStore => fileDeadLetters({ directory });
const billing = (...parts: Parameters<typeof resilient>): Policy =>
  resilient(...(parts as never[]), { name: "billing" });

async function write(...ats: number[]): Promise<void> {
  for (const at of ats) await store.write(recordAt(at));
}

const counts = { done: 0, failed: 0, parked: 0, claimed: 0, refused: 0, wouldRun: 0, damaged: 0 };
const fails = (): never => {
  throw reset();
};

describe("replay", () => {
  it("runs each record once, oldest first over all processes, and it is done", async () => {
    await write(30, 10);
    await another().write(recordAt(20));
    const ran: unknown[] = [];
    const report = await replay(billing(), (payload) => void ran.push(payload), { from: store });
    expect(ran).toEqual([{ order: 10 }, { order: 20 }, { order: 30 }]);
    expect(report).toEqual({ ...counts, done: 3 });
    expect(await replay(billing(), fails, { from: another() })).toEqual(counts);
  });

  it("gives the handler the record, its attempt and a signal", async () => {
    await write(1);
    let got: unknown;
    const handler = (
      _: unknown,
      { at }: { at: number },
      call: { signal: AbortSignal; attempt: number },
    ): void => {
      got = [at, call.attempt, call.signal.aborted];
    };
    await replay(billing(), handler, { from: store });
    expect(got).toEqual([1, 1, false]);
  });

  it("goes through the policy: its retries and its budget hold", async () => {
    await write(1, 2, 3);
    const budget = retryBudget({ ratio: 0, reserve: 1 });
    const policy = billing(budget, retry({ maxAttempts: 2, baseMs: 0 }));
    let runs = 0;
    await replay(
      policy,
      () => {
        runs++;
        fails();
      },
      { from: store },
    );
    expect(runs).toBe(4); // one attempt each, and the one retry that there was in the reserve
  });

  it("writes no second letter for what fails again, and no fallback makes it done", async () => {
    const letters = deadLetter({
      sink: store,
      payload: (id: number) => id,
      redact: (text) => text,
    });
    const policy = billing(
      letters,
      fallback(() => "stale"),
    );
    const order = policy.wrap(async (_id: number): Promise<string> => fails());
    expect(await order(7)).toBe("stale");
    await store.flush?.();
    expect(await replay(policy, fails, { from: store })).toEqual({ ...counts, failed: 1 });
    await store.flush?.();
    expect(await lettersIn(another())).toMatchObject([
      { record: { payload: 7 }, failures: 1, lastError: { code: "ECONNRESET" } },
    ]);
  });

  it("takes a response that means failure for a failure", async () => {
    await write(1);
    const answers503 = (): Response => new Response("", { status: 503 });
    expect(await replay(billing(), answers503, { from: store })).toEqual({ ...counts, failed: 1 });
  });

  it("takes those of its policy, unless a filter says otherwise", async () => {
    await write(1);
    await store.write(recordAt(2, { policy: "crm" }));
    const ran: number[] = [];
    const run = (_: unknown, { at }: { at: number }): void => void ran.push(at);
    await replay(billing(), run, { from: store });
    await replay(billing(), run, { from: store, filter: ({ record }) => record.policy === "crm" });
    expect(ran).toEqual([1, 2]);
  });

  it("runs no more than its limit", async () => {
    await write(1, 2, 3);
    expect(await replay(billing(), () => {}, { from: store, limit: 2 })).toEqual({
      ...counts,
      done: 2,
    });
    expect(await lettersIn(another())).toHaveLength(1);
  });

  it("as a dry run says what it would run, and changes nothing", async () => {
    await write(1, 2);
    const told: ReplayedLetter[] = [];
    const onProgress = (letter: ReplayedLetter): void => void told.push(letter);
    const report = await replay(billing(), fails, { from: store, dryRun: true, onProgress });
    expect(report).toEqual({ ...counts, wouldRun: 2 });
    expect(told.map(({ outcome }) => outcome)).toEqual(["would run", "would run"]);
    expect(await lettersIn(another())).toMatchObject([{ failures: 0 }, { failures: 0 }]);
  });

  it("parks what has failed too often, never loses it, and runs it when asked to", async () => {
    await write(1);
    const often = { from: store, parkAfter: 2 };
    expect(await replay(billing(), fails, often)).toEqual({ ...counts, failed: 1 });
    expect(await replay(billing(), fails, often)).toEqual({ ...counts, parked: 1 });
    let runs = 0;
    expect(await replay(billing(), () => void runs++, often)).toEqual({ ...counts, parked: 1 });
    expect([runs, (await lettersIn(another())).length]).toEqual([0, 1]);
    expect(await replay(billing(), () => {}, { ...often, parked: true })).toEqual({
      ...counts,
      done: 1,
    });
  });

  it("leaves what the policy refuses as it was", async () => {
    await write(1, 2);
    const policy = billing(circuitBreaker({ consecutiveFailures: 1, openMs: 50 }));
    const report = await replay(policy, (_, { at }) => (at === 1 ? fails() : undefined), {
      from: store,
    });
    expect(report).toEqual({ ...counts, failed: 1, done: 1 }); // it waited for the circuit
  });

  it("waits for its rate limit", async () => {
    await write(1, 2, 3);
    const policy = billing(rateLimit({ perSecond: 50, burst: 1 }));
    expect(await replay(policy, () => {}, { from: store })).toEqual({ ...counts, done: 3 });
  });

  it("ends by its signal; what ran then stays as it was", async () => {
    await write(1, 2);
    const stop = new AbortController();
    const reason = new Error("enough");
    const running = replay(
      billing(),
      async (_, __, { signal }) => {
        stop.abort(reason);
        signal.throwIfAborted();
      },
      { from: store, signal: stop.signal },
    );
    expect(await rejectionOf(running)).toBe(reason);
    expect((await lettersIn(another())).map(({ failures }) => failures)).toEqual([0, 0]);
    expect(await replay(billing(), () => {}, { from: another() })).toEqual({ ...counts, done: 2 });
  });

  it("runs each record once when two run at the same time", async () => {
    await write(...Array.from({ length: 60 }, (_, at) => at));
    const ran: unknown[] = [];
    const slowly = async (payload: unknown): Promise<void> => {
      ran.push(payload);
      await new Promise<void>((resolve) => void setImmediate(resolve));
    };
    const reports = await Promise.all(
      Array.from({ length: 3 }, () => replay(billing(), slowly, { from: another() })),
    );
    expect(reports.reduce((sum, { done }) => sum + done, 0)).toBe(60);
    expect(new Set(ran.map((payload) => JSON.stringify(payload))).size).toBe(60);
    expect(ran).toHaveLength(60);
    expect(await lettersIn(another())).toEqual([]);
  });

  it("finds its policy by name", async () => {
    definePolicy("replayed-by-name");
    await store.write(recordAt(1, { policy: "replayed-by-name" }));
    expect(await replay("replayed-by-name", () => {}, { from: store })).toEqual({
      ...counts,
      done: 1,
    });
    await expect(replay("nobody", () => {}, { from: store })).rejects.toMatchObject({
      code: "ERR_UNKNOWN_POLICY",
    });
  });

  it("refuses options that cannot work", async () => {
    for (const options of [{}, { from: {} }, { from: store, limit: 0 }, { from: store, signal: 1 }])
      await expect(replay(billing(), fails, options as never)).rejects.toMatchObject({
        code: "ERR_INVALID_SPEC",
      });
    await expect(replay(billing(), "x" as never, { from: store })).rejects.toMatchObject({
      code: "ERR_INVALID_SPEC",
    });
  });
});
