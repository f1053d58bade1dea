import { bulkhead, circuitBreaker, definePolicy, fallback, resilient } from "@breakwater/core";
import pg from "pg";
import { describe, expect, it, vi } from "vitest";
import { resilienceOf, withResilience, wrapPool } from "../src/index.js";
import {
  BOTH,
  eventsOf,
  poolOf,
  quickly,
  rejectionOf,
  VERSIONS,
  wrappedOf,
} from "./support/pools.js";
import { hasPostgres, usePostgres } from "./support/use-postgres.js";

const named = (config: pg.PoolConfig): string | undefined =>
  resilienceOf(wrapPool(new pg.Pool(config)))?.policy.name;

describe("wrapPool", () => {
  it("refuses what is no pool, and says what it got", () => {
    for (const wrong of [undefined, {}, "pool", new pg.Client()])
      expect(() => wrapPool(wrong as pg.Pool)).toThrow(/wrapPool: expected a pool of pg/);
  });

  it("refuses a pool that is wrapped already", () => {
    const pool = wrapPool(new pg.Pool());
    expect(() => wrapPool(pool)).toThrow(/one that has a policy already.*unwrap\(\)/s);
  });

  it.each([
    [[circuitBreaker(), circuitBreaker()], /expected one breaker/],
    [[{ retries: 3 }], /retry\(\{ maxAttempts \}\)/],
    [[bulkhead({ limit: 3 })], /no bulkhead.*set its max/s],
    [[fallback(() => 1)], /no fallback.*round the function/s],
    [[{ key: () => "a" }], /no key: a pool is one database/],
    [[{ scope: "instance" }], /no scope: a pool is one database/],
    [[{ idempotent: () => true }], /wrapPool\.idempotent: expected true or false/],
    [[{ statementMs: "soon" }], /wrapPool\.statementMs: expected a duration/],
    [[{ acquireMs: 0 }], /wrapPool\.acquireMs: expected a duration/],
    [["unheard-of"], /No policy is named "unheard-of"/],
    [["crm", circuitBreaker()], /either a policy, its name, or parts/],
    [[resilient({ name: "with-bulkhead" }, bulkhead({ limit: 2 }))], /no bulkhead/],
    [[7], /policy\[0\]: expected a part/],
  ])("refuses wrong parts: %#", (parts, message) => {
    const pool = new pg.Pool();
    expect(() => wrapPool(pool, ...(parts as []))).toThrow(message);
    expect(resilienceOf(pool)).toBeUndefined();
    wrapPool(pool);
  });

  it("takes a policy and the name of one", () => {
    definePolicy("pool-by-name", circuitBreaker());
    const given = resilient({ name: "pool-given" });
    expect(resilienceOf(wrapPool(new pg.Pool(), "pool-by-name"))?.policy.name).toBe("pool-by-name");
    expect(resilienceOf(wrapPool(new pg.Pool(), given, { readOnly: true }))?.policy).toBe(given);
  });

  it("names its policy by the database", () => {
    expect(named({ database: "orders" })).toBe("pg:orders");
    expect(named({ connectionString: "postgres://u@h:1/bills" })).toBe("pg:bills");
  });

  it("means the recommended set where nothing is given", () => {
    const parts = resilienceOf(wrapPool(new pg.Pool()))?.policy.explain().parts ?? [];
    const present = parts.filter((part) => part.present).map(({ kind }) => kind);
    expect(present).toEqual(expect.arrayContaining(["breaker", "budget", "retry"]));
  });
});

describe("withResilience", () => {
  it("refuses what is no class of pools", () => {
    expect(() => withResilience({} as typeof pg.Pool)).toThrow(/expected a class of pools/);
  });

  it("makes pools of pg that are wrapped, with a name that says what they are", () => {
    const Pool = withResilience(pg.Pool, circuitBreaker(), { name: "made" });
    const pool = new Pool({ database: "x" });
    expect(pool).toBeInstanceOf(pg.Pool);
    expect(pool.constructor.name).toContain("Pool");
    expect(resilienceOf(pool)?.policy.name).toBe("made");
  });
});

describe.runIf(hasPostgres).each(BOTH)("a wrapped pool, pg %s", (version) => {
  const server = usePostgres();

  it("is the same pool, with its events, counters, callbacks and promises", async () => {
    const plain = poolOf(version, server().address);
    const pool = wrapPool(plain, quickly());
    expect(pool).toBe(plain);
    expect(pool).toBeInstanceOf(VERSIONS[version].Pool);
    const events: string[] = [];
    for (const type of ["connect", "acquire", "release"] as const)
      pool.on(type, () => void events.push(type));
    expect((await pool.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
    expect((await pool.query("select $1::int as n", [2])).rows).toEqual([{ n: 2 }]);
    expect((await pool.query({ text: "select $1::int as n", values: [3] })).rows).toEqual([
      { n: 3 },
    ]);
    const called = await new Promise((resolve) => {
      const nothing: unknown = pool.query("select $1::int as n", [4], (error, result) =>
        resolve([error, result.rows]),
      );
      expect(nothing).toBeUndefined();
    });
    expect(called).toEqual([undefined, [{ n: 4 }]]);
    const failed = await new Promise((resolve) =>
      pool.query("selec", (error: Error) => resolve(error)),
    );
    expect(failed).toMatchObject({ code: "42601" });
    const client = await pool.connect();
    expect((await client.query("select 5 as n")).rows).toEqual([{ n: 5 }]);
    client.release();
    await new Promise<void>((resolve) => {
      pool.connect((error, lent, done) => {
        expect(error).toBeUndefined();
        lent?.query("select 6 as n", (_, result) => {
          expect(result.rows).toEqual([{ n: 6 }]);
          done();
          resolve();
        });
      });
    });
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0]);
    expect(events.filter((type) => type === "connect")).toHaveLength(1);
    expect(events.filter((type) => type === "release")).toHaveLength(7);
  });

  it("is as it was after unwrap, with what it has in hand", async () => {
    const pool = poolOf(version, server().address);
    const listeners = () => pool.eventNames().map((name) => [name, pool.listenerCount(name)]);
    const before = [Object.getOwnPropertyNames(pool), { ...pool.options }, listeners()];
    wrapPool(pool, quickly());
    const client = await pool.connect();
    resilienceOf(pool)?.unwrap();
    expect(resilienceOf(pool)).toBeUndefined();
    expect([Object.getOwnPropertyNames(pool), { ...pool.options }, listeners()]).toEqual(before);
    expect(Object.hasOwn(client, "query")).toBe(false);
    expect((await client.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
    client.release();
    await rejectionOf(pool.query("select 1/0"));
    expect(pool.totalCount).toBe(0); // as pg has it
    wrapPool(pool);
  });

  it("keeps the connection of a statement that is wrong", async () => {
    const pool = wrappedOf(version, server().address, quickly());
    const pids = new Set<number>();
    for (let times = 0; times < 5; times++) {
      pids.add((await pool.query("select pg_backend_pid() as pid")).rows[0].pid);
      expect(await rejectionOf(pool.query("select 1/0"))).toMatchObject({ code: "22012" });
      expect(await rejectionOf(pool.query("select $1::int", ["x"]))).toMatchObject({
        code: "22P02",
      });
    }
    expect(pids.size).toBe(1);
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
  });

  it("destroys and reports a client that comes back in a transaction", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly());
    const events = eventsOf(pool, "client.destroyed");
    const client = await pool.connect();
    await client.query("begin");
    client.release();
    await pool.query("begin"); // a classic
    expect((await pool.query("select now() = statement_timestamp() as outside")).rows).toEqual([
      { outside: true },
    ]);
    expect(events.map(({ reason }) => reason)).toEqual(["in transaction", "in transaction"]);
  });

  it("destroys and reports a client that comes back at work", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly());
    const events = eventsOf(pool, "client.destroyed");
    const client = await pool.connect();
    const slept = rejectionOf(client.query("select pg_sleep(60)"));
    client.release();
    await pool.query("select 1");
    expect(events.map(({ reason }) => reason)).toEqual(["busy"]);
    await slept;
  });

  it("says as pg does that a client was released twice, and that the pool has ended", async () => {
    const pool = wrappedOf(version, server().address, quickly());
    const client = await pool.connect();
    client.release();
    expect(() => client.release()).toThrow(/already been released/);
    await pool.end();
    expect(await rejectionOf(pool.query("select 1"))).toMatchObject({
      message: /after calling end/,
    });
    expect(await rejectionOf(pool.connect())).toMatchObject({ message: /after calling end/ });
  });

  it("lets a throwing callback be what it is: an uncaught exception", async () => {
    const pool = wrappedOf(version, server().address, quickly());
    const thrown = new Error("from a callback");
    const caught = new Promise((resolve) => {
      const before = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.once("uncaughtException", (error) => {
        for (const listener of before) process.on("uncaughtException", listener);
        resolve(error);
      });
    });
    pool.query("select 1", () => {
      throw thrown;
    });
    expect(await caught).toBe(thrown);
    expect(pool.idleCount).toBe(1);
  });

  it("refuses options of a query that cannot be", async () => {
    const pool = wrappedOf(version, server().address, quickly());
    const wrong = (resilience: object) => rejectionOf(pool.query({ text: "select 1", resilience }));
    expect(await wrong({ retries: 3 })).toMatchObject({ code: "ERR_INVALID_SPEC" });
    expect(await wrong({ signal: null })).toMatchObject({ code: "ERR_INVALID_SPEC" });
    expect(await wrong({ idempotent: "yes" })).toMatchObject({
      message: /query\.resilience\.idempotent/,
    });
    expect(pool.totalCount).toBe(0);
  });

  it("refuses to repeat a single statement of a transaction, and of a client", async () => {
    const pool = wrappedOf(version, server().address, quickly());
    const client = await pool.connect();
    const again = { text: "select 1", resilience: { idempotent: true } };
    expect(await rejectionOf(client.query(again))).toMatchObject({
      message: /on a client of your own/,
    });
    await client.query("begin");
    expect(await rejectionOf(client.query(again))).toMatchObject({
      code: "ERR_INVALID_SPEC",
      message: /in a transaction.*withTransaction/s,
    });
    await client.query("rollback");
    client.release();
  });

  it("leaves the config of a query as it was", async () => {
    const pool = wrappedOf(version, server().address, quickly());
    const config = { text: "select 1 as n" };
    await pool.query(config);
    await pool.query(config);
    expect(config).toEqual({ text: "select 1 as n" });
  });

  it("shows who has asked in the stack of an error", async () => {
    const pool = wrappedOf(version, server().address, quickly());
    async function whoAsks(): Promise<unknown> {
      return await pool.query("selec");
    }
    expect((await rejectionOf(whoAsks())).stack).toContain("whoAsks");
  });

  it("is silent for who only listens to the pool: its own errors still arrive there", async () => {
    const pool = wrappedOf(version, server().address, quickly());
    const heard = vi.fn<(error: Error) => void>();
    pool.on("error", heard);
    await pool.query("select 1");
    const admin = poolOf(version, server().address);
    await admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
    );
    await expect.poll(() => heard.mock.calls.length).toBe(1);
    expect(heard.mock.calls[0]?.[0]).toMatchObject({ code: "57P01" });
  });
});
