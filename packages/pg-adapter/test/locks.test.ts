import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { registry } from "@breakwater/core";
import type pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { LockLostError, type PgLock, pgLock } from "../src/index.js";
import { FaultProxy } from "./support/fault-proxy.ts";
import { plainPool, valueOf } from "./support/plain-pool.ts";
import { BOTH } from "./support/pools.ts";
import { hasPostgres, usePostgres } from "./support/use-postgres.ts";

describe.runIf(hasPostgres).each(BOTH)("pgLock, pg %s", { timeout: 60_000 }, (version) => {
  const server = usePostgres();
  /** The lock makes its connection with the pg that its pool is of. */
  const poolAt = (config: pg.PoolConfig): pg.Pool => plainPool(config, version);
  const take = async (name: string, more = {}): Promise<PgLock> => {
    const lock = await pgLock(poolAt(server().address), name, { ...more, wait: true });
    onTestFinished(() => lock.release());
    return lock;
  };
  const isFree = async (name: string): Promise<boolean> => {
    await using lock = await pgLock(poolAt(server().address), name);
    return lock !== undefined;
  };

  test("is held by one only, and free again at its end", async () => {
    {
      await using lock = await pgLock(poolAt(server().address), "report");
      expect(lock?.isHeld).toBe(true);
      expect(await isFree("report")).toBe(false);
      expect(await isFree("another report")).toBe(true);
    }
    expect(await isFree("report")).toBe(true);
  });

  test("its number is that of the documented hash", async () => {
    const lock = await take("Straße 7");
    const pool = poolAt(server().address);
    const inSql = await valueOf(
      pool,
      "select (('x' || left(encode(sha256(convert_to($1, 'UTF8')), 'hex'), 16))::bit(64)::bigint)::text",
      ["Straße 7"],
    );
    expect(inSql).toBe(String(lock.key));
  });

  test("uses no connection of the pool that it is given", async () => {
    const pool = poolAt({ connectionString: server().url, max: 1 });
    await using lock = await pgLock(pool, "own connection");
    expect([lock?.isHeld, pool.totalCount]).toEqual([true, 0]);
  });

  test("whoever waits gets it when it is free, longer than a statement may run", async () => {
    const pool = poolAt(server().address);
    await pool.query("alter role postgres set statement_timeout = '50ms'");
    onTestFinished(async () => {
      await pool.query("alter role postgres reset statement_timeout");
    });
    const first = await take("queue");
    let second: PgLock | undefined;
    const waiting = take("queue").then((lock) => (second = lock));
    await expect.poll(() => waitersOf(pool)).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 100)); // that limit is over
    expect(second).toBeUndefined();
    await first.release();
    expect((await waiting).isHeld).toBe(true);
  });

  test("a wait ends with its deadline", async () => {
    await take("busy");
    const late = pgLock(poolAt(server().address), "busy", { wait: true, deadlineMs: 50 });
    await expect(late).rejects.toMatchObject({ code: "ERR_DEADLINE_EXCEEDED" });
  });

  test("a wait ends with its caller's abort, and leaves nobody in the queue", async () => {
    const holder = await take("busy too");
    const caller = new AbortController();
    const pool = poolAt(server().address);
    const waiting = pgLock(poolAt(server().address), "busy too", {
      wait: true,
      signal: caller.signal,
    });
    await expect.poll(() => waitersOf(pool)).toBe(1);
    caller.abort(new Error("no need any more"));
    await expect(waiting).rejects.toThrow("no need any more");
    await holder.release();
    await expect.poll(() => isFree("busy too")).toBe(true);
  });

  test("a lock that is lost says so: by its signal, its callback and an event", async () => {
    const told: unknown[] = [];
    onTestFinished(registry.on("lock.lost", ({ lock }) => told.push(lock)));
    const lost: Error[] = [];
    const lock = await take("lost", { onLost: (error: Error) => lost.push(error) });
    const pool = poolAt(server().address);
    await pool.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'");
    await expect.poll(() => lock.signal.aborted).toBe(true);
    expect(lock.isHeld).toBe(false);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    expect(lost).toEqual([lock.signal.reason]);
    await expect.poll(() => told).toEqual(["lost"]);
    expect(await isFree("lost")).toBe(true);
    await lock.release(); // does nothing
  });

  test("a connection that is dead without a sign of it is found out", async () => {
    await using proxy = await FaultProxy.to(server().address);
    await using lock = await pgLock(poolAt(proxy.address), "black hole", { checkMs: 30 });
    expect(lock?.isHeld).toBe(true);
    proxy.traffic = "hold";
    await expect.poll(() => lock?.signal.aborted).toBe(true);
  });

  test("it is tried for again where the connection could not be had", async () => {
    await using proxy = await FaultProxy.to(server().address);
    proxy.loseNext(/pg_try_advisory_lock/, "request");
    await using lock = await pgLock(poolAt(proxy.address), "again");
    expect(lock?.isHeld).toBe(true);
  });

  describe("between processes", () => {
    test("one works, the other finds it taken; killed, it has given it back", async () => {
      const first = start(server().url, "lock-holder", "cron");
      expect(await saying(first)).toBe("held");
      expect(await saying(start(server().url, "lock-holder", "cron"))).toBe("taken");
      first.kill("SIGKILL");
      await expect.poll(() => isFree("cron"), { timeout: 10_000 }).toBe(true);
      expect(await saying(start(server().url, "lock-holder", "cron"))).toBe("held");
    });

    test("a held lock keeps no process alive", async () => {
      const forgetful = start(server().url, "lock-holder-forgets", "forgotten");
      const [code] = (await once(forgetful, "exit")) as [number];
      expect(code).toBe(0);
      await expect.poll(() => isFree("forgotten")).toBe(true);
    });
  });

  test.each([
    ["", {}, /name: expected a name, received ""/],
    ["a", { wait: 5 }, /pgLock.wait: expected true or false, received 5/],
    ["a", { timeout: 5 }, /pgLock.timeout: expected one of wait/],
    ["a", { checkMs: 0 }, /pgLock.checkMs: expected a duration/],
  ])("name %j with %j is refused", async (name, options, message) => {
    await expect(pgLock(poolAt(server().address), name, options as never)).rejects.toThrow(message);
  });
});

async function waitersOf(pool: pg.Pool): Promise<unknown> {
  return valueOf(
    pool,
    "select count(*)::int from pg_locks where locktype = 'advisory' and not granted",
  );
}

function start(url: string, script: string, name: string): ChildProcess {
  const path = fileURLToPath(new URL(`support/${script}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [path, url, name], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function saying(child: ChildProcess): Promise<string> {
  const [said] = (await once(child.stdout ?? child, "data")) as [Buffer];
  return String(said).trim();
}
