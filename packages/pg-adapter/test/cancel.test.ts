import { deadline, timeout } from "@breakwater/core";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import {
  BOTH,
  cutAll,
  eventsOf,
  poolOf,
  quickly,
  rejectionOf,
  SLEEP,
  whole,
  wrappedOf,
} from "./support/pools.js";
import { FaultProxy } from "./support/fault-proxy.js";
import { hasPostgres, usePostgres } from "./support/use-postgres.js";

describe.runIf(hasPostgres).each(BOTH)("a statement that is given up, pg %s", (version) => {
  const server = usePostgres();

  async function nothingSleeps(): Promise<void> {
    const admin = poolOf(version, server().address);
    const running =
      "select count(*)::int as n from pg_stat_activity where query = $1 and state = 'active'";
    const count = async () => (await admin.query(running, [SLEEP])).rows[0].n;
    await expect.poll(count, { timeout: 1_000, interval: 20 }).toBe(0);
  }

  it("is cancelled on the server after statementMs, and its pool is whole", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly(1), {
      statementMs: 50,
    });
    const events = eventsOf(pool, "statement.cancelled");
    const [{ pid }] = (await pool.query("select pg_backend_pid() as pid")).rows;
    const error = await rejectionOf(pool.query(SLEEP));
    expect(error).toMatchObject({
      code: "ERR_ATTEMPT_TIMEOUT",
      message: /longer than statementMs \(50 ms\)/,
    });
    await nothingSleeps();
    expect((await pool.query("select pg_backend_pid() as pid")).rows).toEqual([{ pid }]);
    expect(whole(pool)).toEqual([0, 0]);
    expect(events).toMatchObject([{ by: "timeout", kept: true }]);
  });

  it("may have its own time", async () => {
    const pool = wrappedOf(version, server().address, quickly(1), { statementMs: 30 });
    await pool.query({ text: "select pg_sleep(0.1)", resilience: { statementMs: null } });
    const error = rejectionOf(pool.query({ text: SLEEP, resilience: { statementMs: 40 } }));
    expect(await error).toMatchObject({ message: /40 ms/ });
  });

  it("is cancelled although its connection is lost before the server has been asked", async () => {
    const pool = wrappedOf(version, server().address, quickly(1), { statementMs: 30 });
    expect(await rejectionOf(pool.query(SLEEP))).toBeInstanceOf(Error);
    cutAll(pool);
    await nothingSleeps();
  });

  it.each([
    ["the policy's timeout", [timeout(60)], {}, { code: "ERR_ATTEMPT_TIMEOUT" }],
    ["the policy's deadline", [deadline(60)], {}, { code: "ERR_DEADLINE_EXCEEDED" }],
    ["the statement's deadline", [], { deadlineMs: 60 }, { code: "ERR_DEADLINE_EXCEEDED" }],
  ])("is cancelled by %s", async (_, parts, resilience, expected) => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly(1), ...parts);
    expect(await rejectionOf(pool.query({ text: SLEEP, resilience }))).toMatchObject(expected);
    await nothingSleeps();
    await pool.query("select 1");
    expect(whole(pool)).toEqual([0, 0]);
  });

  it("is cancelled by its caller's signal, and rejects with its reason", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly(3), {
      readOnly: true,
    });
    await pool.query("select 1");
    const caller = new AbortController();
    const gone = rejectionOf(pool.query({ text: SLEEP, resilience: { signal: caller.signal } }));
    setTimeout(() => caller.abort(new Error("the user has left")), 30);
    expect(await gone).toBe(caller.signal.reason);
    await nothingSleeps();
    await pool.query("select 1");
    const late = rejectionOf(pool.query({ text: SLEEP, resilience: { signal: caller.signal } }));
    expect(await late).toBe(caller.signal.reason);
  });

  it("is not waited for by whoever still waits for a connection", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly(1));
    const client = await pool.connect();
    const caller = new AbortController();
    const gone = rejectionOf(
      pool.query({ text: "select 1", resilience: { signal: caller.signal } }),
    );
    caller.abort(new Error("no time"));
    expect(await gone).toBe(caller.signal.reason);
    client.release();
    await pool.query("select 1");
    expect(whole(pool)).toEqual([0, 0]);
  });

  it("on a client of one's own leaves it good for a rollback", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly(1), {
      statementMs: 500,
    });
    const client = await pool.connect();
    await client.query("begin");
    const slow = rejectionOf(client.query(SLEEP));
    const behind = client.query("rollback"); // not even awaited
    expect(await slow).toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
    expect(await behind).toMatchObject({ command: "ROLLBACK" });
    client.release();
    expect(whole(pool)).toEqual([0, 0]);
    expect(pool.totalCount).toBe(1);
  });

  it("on a client of one's own is not cancelled in the place of the one before it", async () => {
    const pool = wrappedOf(version, server().address, quickly(1), { statementMs: 700 });
    const client = await pool.connect();
    const text = "select pg_sleep(0.2)";
    const all = [1, 2, 3, 4].map(() => client.query(text)); // together longer than one may run
    expect(await Promise.all(all)).toHaveLength(4);
    client.release();
  });

  it("costs its connection where the server does not answer", async () => {
    await using proxy = await FaultProxy.to(server().address);
    const limits = { statementMs: 1_000, cancelMs: 80 };
    const pool = wrappedOf(version, { ...proxy.address, max: 2 }, quickly(1), limits);
    const events = eventsOf(pool, "statement.cancelled", "client.destroyed", "clients.evicted");
    await Promise.all([pool.query("select pg_sleep(0.02)"), pool.query("select pg_sleep(0.02)")]);
    proxy.traffic = "hold";
    expect(await rejectionOf(pool.query("select 1"))).toMatchObject({
      code: "ERR_ATTEMPT_TIMEOUT",
    });
    await expect.poll(() => pool.totalCount).toBe(0);
    expect(events.map(({ type }) => type)).toEqual([
      "statement.cancelled",
      "clients.evicted",
      "client.destroyed",
    ]);
    expect(events.at(-1)).toMatchObject({ reason: "not cancelled" });
    proxy.traffic = "pass";
    await pool.query("select 1");
  });

  it("never has a later statement cancelled in its place", { timeout: 120_000 }, async () => {
    const lanes = Array.from({ length: 5 }, async () => {
      const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly(1));
      const events = eventsOf(pool, "statement.cancelled");
      const counts = await race(pool, 100);
      expect(events.filter(({ kept }) => !kept)).toEqual([]);
      return counts;
    });
    const all = await Promise.all(lanes);
    const sum = (of: "done" | "cancelled"): number => all.reduce((n, counts) => n + counts[of], 0);
    expect(sum("done") + sum("cancelled")).toBe(500);
    expect(Math.min(sum("done"), sum("cancelled"))).toBeGreaterThan(20); // it was a close run
    for (const { pids } of all) expect(pids.size).toBe(1);
  });
});

interface Counts {
  done: number;
  cancelled: number;
  readonly pids: Set<number>;
}

/** Statements that are given up around their end, each followed by one that nobody gives up. */
async function race(pool: pg.Pool, rounds: number): Promise<Counts> {
  const counts: Counts = { done: 0, cancelled: 0, pids: new Set() };
  for (let round = 0; round < rounds; round++) {
    const caller = new AbortController();
    const aheadMs = (round % 41) / 10 - 2; // from 2 ms before its end to 2 ms after
    const text = "select pg_sleep(0.008)";
    const timed = pool.query({ text, resilience: { signal: caller.signal } }).then(
      () => void counts.done++,
      (error: unknown) => {
        expect(error).toBe(caller.signal.reason);
        counts.cancelled++;
      },
    );
    spinUntil(performance.now() + 8 + aheadMs, caller, timed);
    await timed;
    const { rows } = await pool.query("select pg_backend_pid() as pid from pg_sleep(0.001)");
    counts.pids.add(rows[0].pid);
  }
  return counts;
}

/** A timer is too coarse; the loop must still turn, or no answer would be read. */
function spinUntil(atMs: number, caller: AbortController, timed: Promise<void>): void {
  let isOver = false;
  void timed.then(() => (isOver = true));
  const turn = (): void => {
    if (isOver) return;
    if (performance.now() >= atMs) caller.abort();
    else setImmediate(turn);
  };
  setTimeout(turn, atMs - performance.now() - 2);
}
