import { retry, retryBudget } from "@breakwater/core";
import pg from "pg";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  CommitUnknownError,
  type TransactionOptions,
  withTransaction,
  wrapPool,
} from "../src/index.js";
import { FaultProxy, type Loss } from "./support/fault-proxy.ts";
import { plainPool, valueOf } from "./support/plain-pool.ts";
import { BOTH } from "./support/pools.ts";
import { startPostgres } from "./support/postgres/server.ts";
import { hasPostgres, usePostgres } from "./support/use-postgres.ts";

describe.runIf(hasPostgres).each(BOTH)(
  "a COMMIT whose answer is lost, pg %s",
  { timeout: 60_000 },
  (version) => {
    const poolAt = (config: pg.PoolConfig): pg.Pool => plainPool(config, version);
    const server = usePostgres();
    let direct: pg.Pool;

    beforeAll(async () => {
      const client = new pg.Client(server().address);
      await client.connect();
      await client.query("create table done (round int, attempt int)");
      await client.end();
    });
    beforeEach(async () => {
      direct = poolAt(server().address);
      await direct.query("truncate done");
    });

    test("is resolved in 100 of 100 rounds: what had been committed is not repeated, what had not is", async () => {
      const attempts: Record<Loss, number[]> = { answer: [], request: [] };
      const lane = async (first: number): Promise<void> => {
        await using proxy = await FaultProxy.to(server().address);
        const plain = poolAt({ ...proxy.address, max: 2 });
        const pool = wrapPool(plain, retry({ baseMs: 1 }), retryBudget({ ratio: 1 }));
        for (let number = first; number < first + 25; number++) {
          const loss = number % 2 === 0 ? "answer" : "request";
          attempts[loss].push(await round(proxy, pool, number, loss, { resolveCommit: true }));
        }
      };
      await Promise.all([0, 25, 50, 75].map(lane));
      expect(attempts.answer.length + attempts.request.length).toBe(100);
      expect(new Set(attempts.answer)).toEqual(new Set([1])); // it had been committed
      expect(new Set(attempts.request)).toEqual(new Set([2])); // it had not, and was run again
      const { rows } = await direct.query("select round from done order by round");
      expect(rows.map((row: { round: number }) => row.round)).toEqual(
        Array.from({ length: 100 }, (_, number) => number),
      );
    });

    test.each(["answer", "request"] as const)(
      "is unknown where nobody asks (the %s lost), and is never repeated",
      async (loss) => {
        await using proxy = await FaultProxy.to(server().address);
        const pool = poolAt(proxy.address);
        await expect(round(proxy, pool, 1, loss, {})).rejects.toBeInstanceOf(CommitUnknownError);
        const expected = loss === "answer" ? 1 : 0;
        expect(await valueOf(direct, "select count(*)::int from done")).toBe(expected);
      },
    );

    test("is repeated where that does no harm", async () => {
      await using proxy = await FaultProxy.to(server().address);
      const pool = poolAt(proxy.address);
      expect(await round(proxy, pool, 1, "answer", { idempotent: true })).toBe(2);
    });

    test("does not matter to a transaction that only reads", async () => {
      await using proxy = await FaultProxy.to(server().address);
      const pool = poolAt(proxy.address);
      proxy.loseNext(/COMMIT/, "answer");
      const read = withTransaction(pool, async (client) => client.query("select 1"), {
        readOnly: true,
      });
      await expect(read).resolves.toMatchObject({ rowCount: 1 });
    });

    test("is unknown with the server down, and says where to ask later", async () => {
      await using own = await startPostgres();
      await using proxy = await FaultProxy.to(own.address);
      const pool = poolAt(proxy.address);
      await pool.query("create table done (round int, attempt int)");
      const lost = withTransaction(
        pool,
        async (client) => {
          await client.query("insert into done values (1, 1)");
          proxy.refuse();
          proxy.loseNext(/COMMIT/, "answer");
        },
        { resolveCommit: true, deadlineMs: "2s" },
      );
      const error = await lost.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CommitUnknownError);
      const { xid } = error as CommitUnknownError;
      await proxy.accept();
      const status = "select pg_xact_status($1::text::xid8)";
      expect(await valueOf(pool, status, [xid])).toBe("committed");
    });

    test("is unknown when time is up in the middle of it", async () => {
      await using proxy = await FaultProxy.to(server().address);
      const pool = poolAt(proxy.address);
      const held = withTransaction(
        pool,
        async (client) => {
          await client.query("insert into done values (1, 1)");
          proxy.traffic = "hold";
        },
        { deadlineMs: 1_000 },
      );
      await expect(held).rejects.toMatchObject({
        name: "CommitUnknownError",
        cause: { code: "ERR_DEADLINE_EXCEEDED" },
      });
    });

    test("is not taken for committed because a crashed server has given its number to another", async () => {
      const settings = { synchronous_commit: "off", wal_writer_delay: "10s" };
      await using own = await startPostgres({ settings });
      await using proxy = await FaultProxy.to(own.address);
      const pool = poolAt(proxy.address);
      await pool.query("create table done (round int, attempt int)");
      await pool.query("checkpoint");
      proxy.loseNext(/COMMIT/, "request");
      let mine = "";
      const lost = withTransaction(
        pool,
        async (client) => {
          await client.query("insert into done values (1, 1)");
          mine = String(await valueOf(client, "select pg_current_xact_id()::text"));
          proxy.refuse();
        },
        { resolveCommit: true },
      ).catch((error: unknown) => error);
      await expect.poll(() => mine !== "" && proxy.connections === 0).toBe(true);
      await own.restart(); // the number had not reached the disk
      const next = poolAt(own.address);
      const given = async (): Promise<bigint> =>
        BigInt(String(await valueOf(next, "select pg_current_xact_id()::text")));
      while ((await given()) < BigInt(mine));
      expect(await valueOf(next, "select pg_xact_status($1::text::xid8)", [mine])).toBe(
        "committed",
      );
      await proxy.accept();
      expect(await lost).toBeInstanceOf(CommitUnknownError);
      expect(await valueOf(next, "select count(*)::int from done")).toBe(0);
    });
  },
);

/** One transaction through a proxy that loses a part of its first COMMIT. */
async function round(
  proxy: FaultProxy,
  pool: pg.Pool,
  number: number,
  loss: Loss,
  options: TransactionOptions,
): Promise<number> {
  let attempts = 0;
  proxy.loseNext(/COMMIT/, loss);
  await withTransaction(
    pool,
    async (client) => {
      attempts++;
      await client.query("insert into done values ($1, $2)", [number, attempts]);
    },
    options,
  );
  return attempts;
}
