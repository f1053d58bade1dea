import { spawn } from "node:child_process";
import { once } from "node:events";
import { text as textOf } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { circuitBreaker, deadline, resilient } from "@breakwater/core";
import type pg from "pg";
import { describe, expect, it, vi } from "vitest";
import { resilienceOf, wrapPool } from "../src/index.js";
import { FaultProxy } from "./support/fault-proxy.js";
import {
  BOTH,
  eventsOf,
  poolOf,
  quickly,
  rejectionOf,
  SLEEP,
  VERSIONS,
  whole,
  wrappedOf,
} from "./support/pools.js";
import { hasPostgres, usePostgres } from "./support/use-postgres.js";

const pidOf = async (pool: pg.Pool): Promise<unknown> =>
  (await pool.query("select pg_backend_pid() as pid")).rows[0].pid;

/** What nobody has caught while `work` runs. */
async function uncaughtOf(work: () => unknown): Promise<unknown> {
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const caught = once(process, "uncaughtException");
  try {
    work();
    return (await caught)[0] as unknown;
  } finally {
    for (const listener of before) process.on("uncaughtException", listener);
  }
}

describe.runIf(hasPostgres).each(BOTH)("a wrapped pool under attack, pg %s", (version) => {
  const server = usePostgres();
  const single = (...parts: Parameters<typeof wrapPool>[1][]): pg.Pool =>
    wrappedOf(version, { ...server().address, max: 1 }, quickly(1), ...(parts as []));

  it("a callback of connect that throws is an uncaught exception, and the client can be given back", async () => {
    const pool = single();
    const thrown = new Error("from connect");
    let giveBack: (() => void) | undefined;
    const work = (): void =>
      pool.connect((_, __, done) => {
        giveBack = done;
        throw thrown;
      });
    expect(await uncaughtOf(work)).toBe(thrown);
    giveBack?.();
    expect(await pidOf(pool)).toBeTypeOf("number");
  });

  it("a callback of a client's query that throws does not stop those behind it", async () => {
    const pool = single();
    const client = await pool.connect();
    const thrown = new Error("from query");
    let behind: Promise<pg.QueryResult> | undefined;
    const caught = await uncaughtOf(() => {
      client.query("select 1", () => {
        throw thrown;
      });
      behind = client.query("select 2 as n");
    });
    expect(caught).toBe(thrown);
    expect((await behind)?.rows).toEqual([{ n: 2 }]);
    client.release();
  });

  it("connect by callback tells an error there, with a function to call all the same", async () => {
    const pool = wrappedOf(version, { ...server().address, host: "/nowhere" }, quickly(1));
    const told = await new Promise<unknown[]>((resolve) =>
      pool.connect((...all) => resolve([...all])),
    );
    expect(told).toMatchObject([{ code: "ENOENT" }, undefined, expect.any(Function)]);
    (told[2] as () => void)();
  });

  it.each(["done, release", "release, done", "release, release(true)"])(
    "given back twice (%s) says so, and the second time changes nothing",
    async (order) => {
      const pool = single();
      const [client, done] = await new Promise<[pg.PoolClient, () => void]>((resolve) =>
        pool.connect((_, lent, giveBack) => resolve([lent as pg.PoolClient, giveBack])),
      );
      const acts = {
        done,
        release: () => client.release(),
        "release(true)": () => client.release(true),
      };
      const [first, second] = order.split(", ") as [keyof typeof acts, keyof typeof acts];
      acts[first]();
      expect(acts[second]).toThrow(/already been released/);
      expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
      await pool.query("select 1");
    },
  );

  it("release(true) closes the connection, and is not reported: it was asked for", async () => {
    const pool = single();
    const events = eventsOf(pool, "client.destroyed");
    const pid = await pidOf(pool);
    const client = await pool.connect();
    client.release(true);
    expect(pool.totalCount).toBe(0);
    expect(await pidOf(pool)).not.toBe(pid);
    expect(events).toEqual([]);
  });

  it("a connection serves no more than maxUses", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1, maxUses: 2 }, quickly(1));
    const pids = [await pidOf(pool), await pidOf(pool), await pidOf(pool), await pidOf(pool)];
    expect(pids[0]).toBe(pids[1]);
    expect(pids[2]).toBe(pids[3]);
    expect(new Set(pids).size).toBe(2);
  });

  // The pool of pg 8.11 leaves its caller without an answer, wrapped or not.
  it.runIf(version === "newest")("a query object answers, with events of its own", async () => {
    const { Query } = VERSIONS[version];
    const heard: unknown[] = [];
    const query = new Query({ text: "select $1::int as n", values: [3] });
    query.on("row", (row: unknown) => heard.push(row));
    query.on("error", () => {});
    const pool = single();
    // pg's own pool takes it and answers; its types know that of a client only.
    const answered = await (pool.query(query as never) as unknown as Promise<pg.QueryResult>);
    expect([answered.rowCount, heard]).toEqual([1, [{ n: 3 }]]);
    expect(whole(pool)).toEqual([0, 0]);
  });

  it("a callback in the config is called, on a client as in the pool", async () => {
    const pool = single();
    const client = await pool.connect();
    const answer = await new Promise((resolve) => {
      const config = { text: "select 4 as n", callback: (...all: unknown[]) => resolve(all) };
      client.query(config as never);
    });
    expect(answer).toMatchObject([null, { rows: [{ n: 4 }] }]);
    client.release();
  });

  it("a client that goes on after its release gets answers, as from pg", async () => {
    const pool = single();
    const client = await pool.connect();
    client.release();
    expect((await client.query("select 5 as n")).rows).toEqual([{ n: 5 }]);
  });

  it("a statement that waits behind another on its client is given up at once, and is never sent", async () => {
    const pool = single();
    const client = await pool.connect();
    await client.query("create temp table sent (n int)");
    const caller = new AbortController();
    const first = client.query("select 6 as n from pg_sleep(0.2)");
    const { signal } = caller;
    const query: pg.QueryConfig = { text: "insert into sent values (1)", resilience: { signal } };
    let isFirstOver = false;
    void first.then(() => (isFirstOver = true));
    const waiting = rejectionOf(client.query(query));
    const behind = client.query("select count(*)::int as n from sent");
    caller.abort(new Error("not any more"));
    expect(await waiting).toBe(signal.reason);
    expect(isFirstOver).toBe(false);
    expect((await first).rows).toEqual([{ n: 6 }]);
    expect((await behind).rows).toEqual([{ n: 0 }]);
    client.release();
    expect(whole(pool)).toEqual([0, 0]);
  });

  it("a statement of a client whose signal has been aborted before is never sent", async () => {
    const client = await single().connect();
    await client.query("create temp table sent (n int)");
    const signal = AbortSignal.abort(new Error("too late"));
    const query: pg.QueryConfig = { text: "insert into sent values (1)", resilience: { signal } };
    const alone = rejectionOf(client.query(query));
    const behind = rejectionOf(client.query(query));
    expect([await alone, await behind]).toEqual([signal.reason, signal.reason]);
    expect((await client.query("select count(*)::int as n from sent")).rows).toEqual([{ n: 0 }]);
    client.release();
  });

  it("the deadline of a call around it cancels a statement, whatever signal it has itself", async () => {
    const pool = single();
    const events = eventsOf(pool, "statement.cancelled");
    await pool.query("select 1");
    const { signal } = new AbortController();
    for (const resilience of [{}, { signal }]) {
      const around = resilient(deadline(60));
      const asked = around.execute(() => pool.query({ text: SLEEP, resilience }));
      expect(await rejectionOf(asked)).toMatchObject({ code: "ERR_DEADLINE_EXCEEDED" });
      await expect.poll(() => whole(pool)).toEqual([0, 0]);
    }
    expect(events).toMatchObject([{ by: "abort" }, { by: "abort" }]);
  });

  it("the deadline of a call around it ends the wait for a connection", async () => {
    const pool = single();
    const client = await pool.connect();
    const ways: (() => Promise<unknown>)[] = [() => pool.connect(), () => pool.query("select 1")];
    for (const ask of ways) {
      const around = resilient(deadline(60));
      expect(await rejectionOf(around.execute(ask))).toMatchObject({
        code: "ERR_DEADLINE_EXCEEDED",
      });
    }
    client.release();
    await expect.poll(() => [pool.idleCount, pool.waitingCount]).toEqual([1, 0]);
  });

  it("whoever gives up the call around it waits for no connection any more", async () => {
    const pool = single();
    const client = await pool.connect();
    const caller = new AbortController();
    const { signal } = caller;
    const waits = resilient(quickly(1)).execute(() => pool.connect(), { signal });
    await expect.poll(() => pool.waitingCount).toBe(1);
    caller.abort(new Error("enough"));
    expect(await rejectionOf(waits)).toBe(signal.reason);
    client.release();
    await expect.poll(() => [pool.idleCount, pool.waitingCount]).toEqual([1, 0]); // it went back at once
  });

  it("acquiring is repeated also where the policy's own work must not be", async () => {
    let checks = 0;
    const verify = (_: unknown, done: (error?: Error) => void): void =>
      done(++checks === 1 ? new Error("not yet") : undefined);
    const plain = poolOf(version, Object.assign({ verify }, server().address));
    const pool = wrapPool(plain, resilient(quickly(2), { idempotent: false }));
    const client = await pool.connect();
    expect(checks).toBe(2);
    client.release();
  });

  it("a time limit on a client's statement is held against the server", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const pool = wrappedOf(version, server().address, breaker, { statementMs: 50 });
    const client = await pool.connect();
    await rejectionOf(client.query(SLEEP));
    expect(breaker.state()).toBe("open");
    client.release();
  });

  it("a check of new connections that never answers does not outlive acquireMs", async () => {
    const config = { ...server().address, max: 1, verify: vi.fn<() => void>() } as pg.PoolConfig;
    const pool = wrappedOf(version, config, quickly(1), { acquireMs: 50 });
    expect(await rejectionOf(pool.query("select 1"))).toMatchObject({ message: /all 1|timeout/i });
  });

  it("the pool's own connectionTimeoutMillis holds, and is there again after unwrap", async () => {
    const config = { ...server().address, max: 1, connectionTimeoutMillis: 1_500 };
    const pool = wrapPool(poolOf(version, config), quickly(1), { acquireMs: 4_000 });
    expect(pool.options.connectionTimeoutMillis).toBe(4_000);
    resilienceOf(pool)?.unwrap();
    expect(pool.options.connectionTimeoutMillis).toBe(1_500);
    wrapPool(pool, quickly(1));
    const client = await pool.connect();
    expect(await rejectionOf(pool.query("select 1"))).toMatchObject({
      message: /in use for 1500 ms/,
    });
    client.release();
  });

  it("idle connections to a server that answers nobody are gone at once", async () => {
    await using proxy = await FaultProxy.to(server().address);
    const limits = { statementMs: 60, cancelMs: 60 };
    const pool = wrappedOf(version, { ...proxy.address, max: 3 }, quickly(1), limits);
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
    for (const client of clients) client.release();
    let removed = 0;
    pool.on("remove", () => void removed++);
    server().freeze();
    try {
      await rejectionOf(pool.query("select 1"));
      await expect.poll(() => removed).toBe(3);
    } finally {
      server().thaw();
    }
    await expect.poll(() => proxy.connections).toBe(0);
  });

  // The oldest knows no pipeline.
  it.runIf(version === "newest")("pipelined statements have no time limit", async () => {
    const config = { ...server().address, pipeline: true } as pg.PoolConfig;
    const pool = wrappedOf(version, config, { statementMs: 50 });
    const client = await pool.connect();
    const all = [1, 2].map((n) => client.query("select $1::int as n from pg_sleep(0.1)", [n]));
    expect((await Promise.all(all)).map(({ rows }) => rows[0].n)).toEqual([1, 2]);
    client.release();
  });
});

describe.runIf(hasPostgres)("a process with a wrapped pool", () => {
  const server = usePostgres();

  it("ends by itself where the pool is told to let it (allowExitOnIdle)", async () => {
    const path = fileURLToPath(new URL("support/exits.mjs", import.meta.url));
    const child = spawn(process.execPath, [path, server().url], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const beganMs = performance.now();
    const [said, [code]] = await Promise.all([textOf(child.stdout), once(child, "exit")]);
    expect([said, code]).toEqual(["asked\n", 0]);
    expect(performance.now() - beganMs).toBeLessThan(8_000); // idleTimeoutMillis would be 10 s
  });
});
