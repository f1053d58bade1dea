import { circuitBreaker, registry } from "@breakwater/core";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { resilienceOf, wrapPool } from "../src/index.js";
import { FaultProxy } from "./support/fault-proxy.js";
import { BOTH, eventsOf, poolOf, quickly, rejectionOf, wrappedOf } from "./support/pools.js";
import { hasPostgres, usePostgres } from "./support/use-postgres.js";

const SLEEP = "select pg_sleep(60) /* drained */";

const drainOf = async (pool: pg.Pool) => resilienceOf(pool)?.drain({ graceMs: 30 });

describe.runIf(hasPostgres).each(BOTH)("a drain, pg %s", (version) => {
  const server = usePostgres();
  const running = async (count: number): Promise<void> => {
    const admin = poolOf(version, server().address);
    const query =
      "select count(*)::int as n from pg_stat_activity where query = $1 and state = 'active'";
    const found = async () => (await admin.query(query, [SLEEP])).rows[0].n;
    await expect.poll(found, { interval: 20 }).toBe(count);
  };

  it("lets what runs end by itself, if it does so in time", async () => {
    const pool = wrappedOf(version, server().address, circuitBreaker());
    const asked = pool.query("select 7 as n from pg_sleep(0.05)");
    expect(await resilienceOf(pool)?.drain({ graceMs: 5_000 })).toMatchObject({ finished: 1 });
    expect((await asked).rows).toEqual([{ n: 7 }]);
  });

  it("cancels a statement on the server whose time is over, though nobody has given it a signal", async () => {
    const pool = wrappedOf(version, server().address, circuitBreaker(), { statementMs: null });
    const events = eventsOf(pool, "statement.cancelled");
    const asked = rejectionOf(pool.query(SLEEP));
    await running(1);
    expect(await drainOf(pool)).toMatchObject({ aborted: 1, left: 0 });
    expect(await asked).toMatchObject({ code: "ERR_DRAINING", message: /its 30ms are over/ });
    await running(0);
    await expect.poll(() => events).toMatchObject([{ by: "abort", kept: true }]);
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
  });

  it("does so once, where there is a signal as well", async () => {
    const brief = { readOnly: true, cancelMs: 400 };
    const pool = wrappedOf(version, server().address, quickly(3), brief);
    const events = eventsOf(pool, "statement.cancelled");
    const { signal } = new AbortController();
    const limits = { signal, deadlineMs: "1m" } as const;
    const query: pg.QueryConfig = { text: SLEEP, resilience: limits };
    const asked = rejectionOf(pool.query(query));
    await running(1);
    expect(await drainOf(pool)).toMatchObject({ aborted: 1, left: 0 });
    expect(await asked).toMatchObject({ code: "ERR_DRAINING" });
    await running(0);
    await new Promise((resolve) => void setTimeout(resolve, 600)); // a cancel that goes on would cut the connection now
    expect(events).toMatchObject([{ kept: true }]);
    expect(pool.totalCount).toBe(1);
  });

  it("ends the wait for a connection, and takes back what comes later", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, circuitBreaker());
    const client = await pool.connect();
    const waiting = [rejectionOf(pool.query("select 1")), rejectionOf(pool.connect())];
    await expect.poll(() => pool.waitingCount).toBe(2);
    expect(await drainOf(pool)).toMatchObject({ aborted: 2, left: 0 });
    for (const error of await Promise.all(waiting))
      expect(error).toMatchObject({ code: "ERR_DRAINING" });
    expect((await client.query("select 1 as n")).rows).toEqual([{ n: 1 }]); // not a call of the policy
    client.release();
    await expect.poll(() => [pool.waitingCount, pool.idleCount]).toEqual([0, 1]);
  });

  it("leaves alone what has ended before, and what another pool does", async () => {
    const ended = wrappedOf(version, { ...server().address, max: 1 }, circuitBreaker());
    await ended.query("select 1");
    const mine = await ended.connect();
    const sleeping = mine.query("select 8 as n from pg_sleep(0.1)");
    const other = wrappedOf(version, server().address, circuitBreaker());
    const asked = other.query("select 9 as n from pg_sleep(0.1)");
    await using proxy = await FaultProxy.to(server().address);
    proxy.traffic = "hold";
    const policy = resilienceOf(ended)?.policy ?? "";
    const silent = wrapPool(poolOf(version, proxy.address), policy);
    const refused = rejectionOf(silent.query("select 1"));
    await drainOf(ended);
    expect(await refused).toMatchObject({ code: "ERR_DRAINING" });
    expect((await sleeping).rows).toEqual([{ n: 8 }]);
    expect((await asked).rows).toEqual([{ n: 9 }]);
    mine.release();
  });

  it("of all policies does the same", async () => {
    const pool = wrappedOf(version, server().address, circuitBreaker());
    const asked = rejectionOf(pool.query(SLEEP));
    await running(1);
    await registry.drain({ graceMs: 10 });
    expect(await asked).toMatchObject({ code: "ERR_DRAINING" });
    await running(0);
  });
});
