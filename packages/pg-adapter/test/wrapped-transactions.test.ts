import { circuitBreaker, type Policy, retry, retryBudget } from "@breakwater/core";
import type pg from "pg";
import { describe, expect, test } from "vitest";
import { type PgPart, resilienceOf, withTransaction, wrapPool } from "../src/index.js";
import { FaultProxy } from "./support/fault-proxy.ts";
import { plainPool } from "./support/plain-pool.ts";
import { BOTH, type Version } from "./support/pools.ts";
import { hasPostgres, usePostgres } from "./support/use-postgres.ts";

const CONFLICT = "do $$ begin raise exception using errcode = '40001'; end $$";

describe.runIf(hasPostgres).each(BOTH)(
  "withTransaction on a wrapped pool, pg %s",
  { timeout: 60_000 },
  (version) => {
    const server = usePostgres();
    const quick = retry({ maxAttempts: 3, baseMs: 1 });

    test("is one call of its policy: connecting and statements are not counted beside it", async () => {
      const { pool, policy } = wrapped(version, server().address, circuitBreaker(), retryBudget());
      await withTransaction(pool, async (client) => {
        await client.query("select 1");
        await client.query("select 2");
      });
      expect(attemptsOf(policy)).toEqual({ success: 1 });
    });

    test("a lost connection is one failure, and the retry is the policy's", async () => {
      const { pool, policy } = wrapped(version, server().address, quick, retryBudget());
      let runs = 0;
      await withTransaction(pool, async (client) => {
        if (++runs === 1) await client.query("select pg_terminate_backend(pg_backend_pid())");
        await client.query("select 1");
      });
      expect(attemptsOf(policy)).toEqual({ transient: 1, success: 1 });
    });

    test("a server that is away is asked as often as the policy says, not more", async () => {
      await using proxy = await FaultProxy.to(server().address);
      const { pool, policy } = wrapped(version, proxy.address, quick, retryBudget());
      proxy.refuse();
      const refused = withTransaction(pool, async () => {});
      await expect(refused).rejects.toMatchObject({ code: "ECONNREFUSED" });
      expect(attemptsOf(policy)).toEqual({ transient: 3 });
    });

    test("failed transactions open the circuit, and an open one does not even connect", async () => {
      await using proxy = await FaultProxy.to(server().address);
      const breaker = circuitBreaker({ consecutiveFailures: 2, openMs: "1m" });
      const { pool } = wrapped(version, proxy.address, breaker);
      proxy.refuse();
      for (let round = 0; round < 2; round++)
        await expect(withTransaction(pool, async () => {})).rejects.toMatchObject({
          code: "ECONNREFUSED",
        });
      await proxy.accept();
      let ran = false;
      const refused = withTransaction(pool, async () => void (ran = true));
      await expect(refused).rejects.toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
      expect([ran, proxy.connections]).toEqual([false, 0]);
    });

    test("conflicts and errors of the function open no circuit", async () => {
      const breaker = circuitBreaker({ consecutiveFailures: 1 });
      const { pool } = wrapped(version, server().address, breaker, quick, retryBudget());
      const conflict = withTransaction(pool, async (client) => client.query(CONFLICT));
      await expect(conflict).rejects.toMatchObject({ code: "40001" });
      const mine = new Error("mine");
      await expect(withTransaction(pool, () => Promise.reject(mine))).rejects.toBe(mine);
      expect(breaker.state()).toBe("closed");
    });

    test("an empty budget ends the retries with the conflict itself", async () => {
      const { pool } = wrapped(
        version,
        server().address,
        quick,
        retryBudget({ ratio: 0, reserve: 1 }),
      );
      let runs = 0;
      const conflict = withTransaction(pool, async (client) => {
        runs++;
        await client.query(CONFLICT);
      });
      await expect(conflict).rejects.toMatchObject({ code: "40001" });
      expect(runs).toBe(2);
    });

    test("a full pool is no failure of the database", async () => {
      const breaker = circuitBreaker({ consecutiveFailures: 1 });
      const { pool } = wrapped(version, { ...server().address, max: 1 }, breaker, {
        acquireMs: 2_000,
      });
      const holder = await pool.connect();
      const refused = withTransaction(pool, async () => {});
      await expect(refused).rejects.toMatchObject({ name: "PoolExhaustedError" });
      holder.release();
      expect(breaker.state()).toBe("closed");
    });

    test("a statement's own time limit ends the transaction, is a timeout, and is not repeated", async () => {
      const { pool, policy } = wrapped(version, server().address, quick, retryBudget(), {
        statementMs: 500,
      });
      let runs = 0;
      const slow = withTransaction(pool, async (client) => {
        runs++;
        await client.query("select pg_sleep(30)");
      });
      await expect(slow).rejects.toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
      expect([runs, attemptsOf(policy)]).toEqual([1, { timeout: 1 }]);
    });
  },
);

function wrapped(
  version: Version,
  address: pg.PoolConfig,
  ...parts: PgPart[]
): { pool: pg.Pool; policy: Policy } {
  const pool = wrapPool(plainPool(address, version), ...parts);
  return { pool, policy: resilienceOf(pool)?.policy as Policy };
}

function attemptsOf(policy: Policy): unknown {
  const counts = Object.entries(policy.snapshot().counters.attempts);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
