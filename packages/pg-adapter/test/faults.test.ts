import { circuitBreaker, explainError, retryBudget } from "@breakwater/core";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { PoolExhaustedError } from "../src/index.js";
import { BOTH, eventsOf, poolOf, quickly, rejectionOf, wrappedOf } from "./support/pools.js";
import { FaultProxy } from "./support/fault-proxy.js";
import { findBinaries } from "./support/postgres/binaries.js";
import { freePort, PostgresServer, startPostgres } from "./support/postgres/server.js";
import { hasPostgres, usePostgres } from "./support/use-postgres.js";

const READ = { readOnly: true } as const;
const SLOW = "select pg_sleep(60)";
/** Its repetition is through at once. What was cut off sleeps on and keeps its sequence, so each has one of its own. */
const slowOnce = (name: string) => `select pg_sleep(60 * (nextval('${name}') % 2))`;

/** What became of each attempt. */
const verdictsOf = (error: unknown) => explainError(error)?.attempts.map(({ verdict }) => verdict);

describe.runIf(hasPostgres).each(BOTH)("acquiring a connection, pg %s", (version) => {
  const server = usePostgres({
    settings: { max_connections: 6, superuser_reserved_connections: 0 },
  });

  it("is repeated where nobody listens, whatever the statement", async () => {
    await using proxy = await FaultProxy.to(server().address);
    proxy.refuse();
    const pool = wrappedOf(version, proxy.address, quickly(4));
    const error = await rejectionOf(pool.query("insert into nowhere values (1)"));
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
    expect(verdictsOf(error)).toEqual(["transient", "transient", "transient", "transient"]);
    expect(verdictsOf(await rejectionOf(pool.connect()))).toHaveLength(4);
  });

  it("is repeated where a name leads nowhere, or a unix socket is not there", async () => {
    for (const host of ["nowhere.invalid", "/nowhere"]) {
      const pool = wrappedOf(version, { ...server().address, host }, quickly(2));
      expect(verdictsOf(await rejectionOf(pool.query("select 1")))).toHaveLength(2);
    }
  });

  it.each(["reset", "halfClose"] as const)("is repeated after a %s", async (fault) => {
    await using proxy = await FaultProxy.to(server().address);
    proxy.traffic = "hold";
    const pool = wrappedOf(version, proxy.address, quickly(3));
    const answer = pool.query("select 1 as n");
    await expect.poll(() => proxy.connections).toBe(1);
    proxy.traffic = "pass";
    proxy[fault]();
    expect((await answer).rows).toEqual([{ n: 1 }]);
  });

  it("ends in time where the server is silent, and holds that against it", async () => {
    await using proxy = await FaultProxy.to(server().address);
    proxy.traffic = "hold";
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const pool = wrappedOf(version, { ...proxy.address, max: 1 }, breaker, { acquireMs: 60 });
    const both = [rejectionOf(pool.query("select 1")), rejectionOf(pool.connect())];
    for (const error of await Promise.all(both)) expect(error.message).toMatch(/timeout/);
    expect(breaker.state()).toBe("open");
    expect(await rejectionOf(pool.query("select 1"))).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
  });

  it("says so where all connections are in use, and holds nothing against the server", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const pool = wrappedOf(version, { ...server().address, max: 2 }, breaker, { acquireMs: 2_000 });
    const clients = [await pool.connect(), await pool.connect()];
    const errors = await Promise.all([
      rejectionOf(pool.query("select 1")),
      rejectionOf(pool.connect()),
    ]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(PoolExhaustedError);
      expect(error).toMatchObject({ code: "ERR_POOL_EXHAUSTED", total: 2, max: 2 });
    }
    expect(Math.max(...errors.map(({ waiting }) => waiting))).toBe(1);
    expect(breaker.state()).toBe("closed");
    for (const client of clients) client.release();
    await pool.query("select 1");
    expect(pool.waitingCount).toBe(0);
  });

  it("is repeated once the server has room again", async () => {
    const others = poolOf(version, { ...server().address, max: 6 });
    const taken = await Promise.all(Array.from({ length: 6 }, () => others.connect()));
    const pool = wrappedOf(version, server().address, quickly(5));
    const heard = eventsOf(pool, "retry.scheduled");
    const answer = pool.query("select 1 as n");
    await expect.poll(() => heard.length).toBe(1);
    expect(heard[0]).toMatchObject({ verdict: "throttled" });
    expect(heard[0]?.delayMs).toBeGreaterThanOrEqual(500);
    for (const client of taken) client.release(true);
    expect((await answer).rows).toEqual([{ n: 1 }]);
  });
});

describe.runIf(hasPostgres).each(BOTH)("a connection that is lost, pg %s", (version) => {
  const server = usePostgres();
  const running = async (text: string): Promise<number> => {
    const admin = poolOf(version, server().address);
    const query = "select pid from pg_stat_activity where query = $1 and state = 'active'";
    await expect.poll(async () => (await admin.query(query, [text])).rowCount).toBeGreaterThan(0);
    return (await admin.query(query, [text])).rows[0].pid;
  };
  const terminate = (pid: number) =>
    poolOf(version, server().address).query("select pg_terminate_backend($1)", [pid]);

  it("by its backend's end: a read is repeated, a write is not", async () => {
    const pool = wrappedOf(version, server().address, quickly(3));
    await pool.query("create sequence terminated");
    const text = slowOnce("terminated");
    const read = pool.query({ text, resilience: READ });
    await terminate(await running(text));
    await read;
    const write = rejectionOf(pool.query(SLOW));
    await terminate(await running(SLOW));
    const error = await write;
    expect(error).toMatchObject({ code: "57P01" });
    expect(explainError(error)).toMatchObject({ stoppedBy: "unsafe", attempts: [{ attempt: 1 }] });
  });

  it.each(["reset", "halfClose"] as const)(
    "by a %s: a read is repeated, a write is not",
    async (fault) => {
      await using proxy = await FaultProxy.to(server().address);
      const pool = wrappedOf(version, proxy.address, quickly(3));
      await pool.query(`create sequence ${fault}`);
      const text = slowOnce(fault);
      const read = pool.query({ text, resilience: { idempotent: true } });
      await running(text);
      proxy[fault]();
      await read;
      const write = rejectionOf(pool.query(SLOW));
      await running(SLOW);
      proxy[fault]();
      expect(explainError(await write)?.stoppedBy).toBe("unsafe");
    },
  );

  it("in nobody's hands is an event, and takes the other idle ones with it", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 3 }, quickly(3));
    const events = eventsOf(pool, "client.failed", "clients.evicted");
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
    const { rows } = await clients[0].query("select pg_backend_pid() as pid");
    for (const client of clients) client.release();
    await terminate(rows[0].pid);
    await expect.poll(() => pool.totalCount).toBe(0);
    expect(events).toMatchObject([
      { type: "client.failed", state: "idle", error: { code: "57P01" } },
      { type: "clients.evicted", connections: 2 },
    ]);
    await pool.query("select 1");
  });

  it("in somebody's hands is an event, and no end of the process", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly(3));
    const events = eventsOf(pool, "client.failed", "client.destroyed");
    const client = await pool.connect();
    const { rows } = await client.query("select pg_backend_pid() as pid");
    await terminate(rows[0].pid);
    await expect.poll(() => events.length).toBeGreaterThanOrEqual(2); // 57P01, then the end of the connection
    expect(await rejectionOf(client.query("select 1"))).toMatchObject({ message: /not queryable/ });
    client.release();
    await expect.poll(() => events.length).toBe(3);
    expect(events.map((event) => ("state" in event ? event.state : event.reason))).toEqual([
      "checked out",
      "checked out",
      "broken",
    ]);
    await pool.query("select 1");
  });

  it("opens the circuit also where all work is done on clients", async () => {
    await using proxy = await FaultProxy.to(server().address);
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const pool = wrappedOf(version, proxy.address, breaker);
    const client = await pool.connect();
    await rejectionOf(client.query("select 1/0"));
    expect(breaker.state()).toBe("closed");
    const lost = rejectionOf(client.query(SLOW));
    await running(SLOW);
    proxy.reset();
    await lost;
    client.release();
    await expect.poll(() => breaker.state()).toBe("open");
  });

  it("that has been cut unseen: a read is repeated on a fresh one", async () => {
    await using proxy = await FaultProxy.to(server().address);
    const pool = wrappedOf(version, proxy.address, quickly(3));
    await pool.query("select 1");
    proxy.reset();
    expect((await pool.query({ text: "select 2 as n", resilience: READ })).rows).toEqual([
      { n: 2 },
    ]);
  });

  it("with its server, killed under load: every read ends well", async () => {
    const budget = retryBudget({ ratio: 1, reserve: 1_000 });
    const pool = wrappedOf(version, { ...server().address, max: 4 }, quickly(100), budget, READ);
    let isOver = false;
    let reads = 0;
    const worker = async (): Promise<void> => {
      // oxlint-disable-next-line no-unmodified-loop-condition -- others end it
      while (!isOver) {
        await pool.query("select count(*) from pg_class");
        reads++;
      }
    };
    const work = Promise.all(Array.from({ length: 4 }, worker));
    work.catch(() => {}); // looked at below
    await expect.poll(() => reads).toBeGreaterThan(20);
    await server().kill();
    await new Promise((resolve) => void setTimeout(resolve, 100));
    await server().start();
    const before = reads;
    await expect.poll(() => reads, { timeout: 10_000 }).toBeGreaterThan(before + 20);
    isOver = true;
    await work;
  });

  it("with its server frozen: statements end in time, and go on after it", async () => {
    const limits = { statementMs: 100, cancelMs: 100, acquireMs: 200 };
    const pool = wrappedOf(version, { ...server().address, max: 2 }, quickly(1), limits);
    const patient = { text: "select 1 as n", resilience: { statementMs: "20s" } } as const;
    // Limits as short as these are missed now and then where the machine is busy.
    const answer = () => pool.query(patient).catch((error: unknown) => ({ rows: error }));
    await expect.poll(async () => (await answer()).rows).toEqual([{ n: 1 }]);
    server().freeze();
    try {
      expect(await rejectionOf(pool.query("select 1"))).toMatchObject({
        code: "ERR_ATTEMPT_TIMEOUT",
      });
      await expect.poll(() => pool.totalCount).toBe(0);
      expect((await rejectionOf(pool.query("select 1"))).message).toMatch(/timeout/);
    } finally {
      server().thaw();
    }
    await expect.poll(async () => (await answer()).rows).toEqual([{ n: 1 }]);
  });
});

describe.runIf(hasPostgres).each(BOTH)("what the server says, pg %s", (version) => {
  const server = usePostgres();

  it("proves that it is well, where the statement is wrong", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const pool = wrappedOf(version, server().address, breaker, quickly(3), READ);
    await pool.query("create table if not exists once (n int primary key check (n < 10))");
    await pool.query("insert into once values (1) on conflict do nothing");
    for (const [text, code] of [
      ["selec", "42601"],
      ["select * from nowhere", "42P01"],
      ["select 1/0", "22012"],
      ["insert into once values (1)", "23505"],
      ["insert into once values (11)", "23514"],
      ["do $$ begin raise exception 'no' using errcode = 'ABC12'; end $$", "ABC12"],
    ] as const) {
      const error = await rejectionOf(pool.query(text));
      expect(error).toMatchObject({ code });
      expect(verdictsOf(error)).toEqual(["permanent"]);
    }
    expect(breaker.state()).toBe("closed");
  });

  it("of a deadlock or of a serialization failure: a single statement is repeated, though it writes", async () => {
    const pool = wrappedOf(version, server().address, quickly(5));
    const admin = poolOf(version, server().address);
    await admin.query("create sequence if not exists failures");
    await admin.query(
      "create or replace function fails(code text, times int) returns bigint language plpgsql as $$ declare n bigint := nextval('failures'); begin if n % times <> 0 then raise exception 'again' using errcode = code; end if; return n; end $$",
    );
    for (const code of ["40001", "40P01", "55P03"]) {
      await admin.query("alter sequence failures restart");
      expect((await pool.query("select fails($1, 3) as n", [code])).rows).toEqual([{ n: "3" }]);
    }
    await admin.query("alter sequence failures restart");
    const proc = "do $$ begin perform fails('40001', 3); end $$"; // may have committed a part of it
    expect(verdictsOf(await rejectionOf(pool.query(proc)))).toEqual(["throttled"]);
    await admin.query("alter sequence failures restart");
    const several = "select 1; select fails('40001', 3)";
    expect(verdictsOf(await rejectionOf(pool.query(several)))).toEqual(["throttled"]);
  });

  it("of a lock that is not to be had is repeated", async () => {
    const pool = wrappedOf(version, { ...server().address, lock_timeout: 30 }, quickly(50));
    const admin = poolOf(version, server().address);
    await admin.query("create table if not exists locked (n int)");
    const holder = await admin.connect();
    await holder.query("begin");
    await holder.query("lock table locked");
    const heard = eventsOf(pool, "retry.scheduled");
    const answer = pool.query("insert into locked values (1)");
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    await holder.query("commit");
    holder.release();
    await answer;
  });

  it("of its own statement_timeout is a timeout, of a cancel is not", async () => {
    const pool = wrappedOf(version, { ...server().address, statement_timeout: 30 }, quickly(2));
    expect(verdictsOf(await rejectionOf(pool.query(SLOW)))).toEqual(["timeout"]);
    expect(pool.totalCount).toBe(1);
    const patient = wrappedOf(version, server().address, quickly(2), READ);
    const error = rejectionOf(
      patient.query("select pg_cancel_backend(pg_backend_pid()), pg_sleep(1)"),
    );
    expect(verdictsOf(await error)).toEqual(["permanent"]);
  });

  it("of a plan that is out of date costs the connection that holds it", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly(1));
    await pool.query("create table if not exists shaped (a int)");
    const named = { name: "shape", text: "select * from shaped" };
    await pool.query(named);
    await pool.query("alter table shaped add column if not exists b int");
    expect(await rejectionOf(pool.query(named))).toMatchObject({ code: "0A000" });
    expect((await pool.query(named)).fields).toHaveLength(2);
  });

  it("refuses to write where only reading was promised, and that is no failover", async () => {
    const pool = wrappedOf(version, { ...server().address, max: 1 }, quickly(3), {
      enforceReadOnly: true,
    });
    expect((await pool.query("select $1::int as n", [1])).rows).toEqual([{ n: 1 }]);
    const error = await rejectionOf(pool.query("create table written (n int)"));
    expect(error).toMatchObject({ code: "25006" });
    expect(verdictsOf(error)).toEqual(["permanent"]);
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
    const write = {
      text: "create temp table written (n int)",
      resilience: { enforceReadOnly: false },
    };
    await pool.query(write);
  });
});

/** Its client comes back before the other one is refused. */
async function idleAfter(pool: pg.Pool, refuse: () => void, code: string): Promise<number> {
  const client = await pool.connect();
  refuse();
  const refused = rejectionOf(pool.connect());
  client.release();
  expect(await refused).toMatchObject({ code });
  return pool.idleCount;
}

describe.runIf(hasPostgres).each(BOTH)("while a new connection fails, pg %s", (version) => {
  it("an idle one is kept: it may well be that only the way is closed", async () => {
    await using server = await startPostgres();
    await using proxy = await FaultProxy.to(server.address);
    const pool = wrappedOf(version, { ...proxy.address, max: 2 }, quickly(1));
    expect(await idleAfter(pool, () => proxy.refuse(), "ECONNREFUSED")).toBe(1);
  });

  it("an idle one is closed where the server itself says that it is going", async () => {
    await using server = await startPostgres();
    const pool = wrappedOf(version, { ...server.address, max: 2 }, quickly(1));
    expect(await idleAfter(pool, () => server.closeDoors(), "57P03")).toBe(0);
  });
});

const YES_OR_NO = [(): boolean => true, (): boolean => false] as const;

describe.runIf(hasPostgres).each(BOTH)("a failover, pg %s", (version) => {
  it(
    "with a standby promoted: a write on the old side is repeated on the new",
    { timeout: 60_000 },
    async () => {
      await using primary = await startPostgres();
      const setUp = poolOf(version, primary.address);
      await setUp.query("create table written (n int)");
      await setUp.end();
      await using standby = await startPostgres({ standbyOf: primary });
      await using proxy = await FaultProxy.to(standby.address);
      const pool = wrappedOf(version, { ...proxy.address, max: 3 }, quickly(50));
      const events = eventsOf(pool, "clients.evicted", "retry.scheduled");
      const idle = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
      for (const client of idle) client.release();
      await expect
        .poll(
          async () =>
            (
              await rejectionOf(
                pool.query({
                  text: "insert into written values (0)",
                  resilience: { maxAttempts: 1 },
                }),
              )
            ).code,
        )
        .toBe("25006");
      const write = pool.query("insert into written values (1)"); // the standby says no, and it is asked again
      await expect
        .poll(() => events.filter(({ type }) => type === "retry.scheduled").length)
        .toBeGreaterThan(0);
      await primary.kill();
      await standby.promote();
      await write;
      expect((await pool.query("select n from written")).rows).toEqual([{ n: 1 }]);
      expect(events.some(({ type }) => type === "clients.evicted")).toBe(true);
    },
  );

  it(
    "to a server that is still in recovery: it is asked again until it is there",
    { timeout: 60_000 },
    async () => {
      await using primary = await startPostgres();
      const off = { hot_standby: "off" }; // it answers 57P03 for as long as it recovers
      const options = { standbyOf: primary, settings: off };
      await using standby = new PostgresServer(findBinaries() ?? "", await freePort(), options);
      const started = standby.start();
      const once = { text: "select 1", resilience: { maxAttempts: 1 } };
      const budget = retryBudget({ ratio: 1, reserve: 1_000 });
      const pool = wrappedOf(version, standby.address, quickly(100), budget);
      await expect
        .poll(async () => (await rejectionOf(pool.query(once))).code, { timeout: 30_000 })
        .toBe("57P03");
      const heard = eventsOf(pool, "retry.scheduled");
      const write = pool.query("create table recovered as select 1 as n");
      await expect.poll(() => heard.length).toBeGreaterThan(0);
      // It says so only once it has read that it is a standby.
      const promoted = (): Promise<boolean> => standby.promote().then(...YES_OR_NO);
      await expect.poll(promoted, { timeout: 30_000 }).toBe(true);
      await started;
      await write;
      expect((await pool.query("select n from recovered")).rows).toEqual([{ n: 1 }]);
    },
  );
});
