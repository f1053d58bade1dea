import connectPgSimple from "connect-pg-simple";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable } from "drizzle-orm/pg-core";
import session from "express-session";
import knex from "knex";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { PgBoss } from "pg-boss";
import { DataSource } from "typeorm";
import { describe, expect, it, onTestFinished } from "vitest";
import { resilienceOf, withResilience } from "../src/index.js";
import { BOTH, poolOf, quickly, rejectionOf, VERSIONS, wrappedOf } from "./support/pools.js";
import { hasPostgres, usePostgres } from "./support/use-postgres.js";

const stop = new Error("stop");

describe.runIf(hasPostgres).each(BOTH)(
  "beside the libraries that take a pool, pg %s",
  (version) => {
    const server = usePostgres();

    /** An empty table of its own, a wrapped pool, and what proves that its work went through us: no connection is lost. */
    async function tableOf(
      name: string,
    ): Promise<{ pool: pg.Pool; rows: () => Promise<number[]> }> {
      const admin = poolOf(version, server().address);
      await admin.query(`create table ${name} (n int primary key)`);
      const pool = wrappedOf(version, { ...server().address, max: 2 }, quickly(3));
      const rows = async (): Promise<number[]> =>
        (await admin.query(`select n from ${name} order by n`)).rows.map(({ n }) => n);
      return { pool, rows };
    }

    it("drizzle commits and rolls back", async () => {
      const { pool, rows } = await tableOf("drizzled");
      const table = pgTable("drizzled", { n: integer() });
      const db = drizzle(pool);
      await db.transaction(async (tx) => {
        await tx.insert(table).values({ n: 1 });
        await tx.insert(table).values({ n: 2 });
      });
      const failed = db.transaction(async (tx) => {
        await tx.insert(table).values({ n: 3 });
        throw stop;
      });
      expect(await rejectionOf(failed)).toBe(stop);
      expect(await rows()).toEqual([1, 2]);
      expect(await db.select().from(table)).toEqual([{ n: 1 }, { n: 2 }]);
      expect(pool.totalCount).toBe(pool.idleCount);
    });

    it("kysely commits and rolls back", async () => {
      const { pool, rows } = await tableOf("kysely_rows");
      const db = new Kysely<{ kysely_rows: { n: number } }>({
        dialect: new PostgresDialect({ pool }),
      });
      await db.transaction().execute(async (tx) => {
        await tx.insertInto("kysely_rows").values({ n: 1 }).execute();
      });
      const failed = db.transaction().execute(async (tx) => {
        await tx.insertInto("kysely_rows").values({ n: 2 }).execute();
        throw stop;
      });
      expect(await rejectionOf(failed)).toBe(stop);
      expect(await rows()).toEqual([1]);
      await db.destroy();
    });

    it("typeorm commits and rolls back on a pool that it makes itself", async () => {
      const { rows } = await tableOf("typeorm_rows");
      const made: pg.Pool[] = [];
      const Resilient = withResilience(VERSIONS[version].Pool, quickly(3));
      class Pool extends Resilient {
        constructor(config?: pg.PoolConfig) {
          super(config);
          made.push(this);
        }
      }
      const { host, port, user, database } = server().address;
      const driver = { ...VERSIONS[version], Pool };
      const source = new DataSource({
        type: "postgres",
        driver,
        host,
        port,
        username: user,
        database,
      });
      await source.initialize();
      await source.transaction(
        async (tx) => void (await tx.query("insert into typeorm_rows values (1)")),
      );
      const failed = source.transaction(async (tx) => {
        await tx.query("insert into typeorm_rows values (2)");
        throw stop;
      });
      expect(await rejectionOf(failed)).toBe(stop);
      expect(await rows()).toEqual([1]);
      expect(made.map((pool) => resilienceOf(pool)?.policy.name)).toEqual(["pg:postgres"]);
      await source.destroy();
    });

    it("knex commits and rolls back", async () => {
      const { pool, rows } = await tableOf("knex_rows");
      const db = knex({ client: "pg", connectionPool: pool } as knex.Knex.Config);
      await db.transaction(async (tx) => void (await tx("knex_rows").insert({ n: 1 })));
      const failed = db.transaction(async (tx) => {
        await tx("knex_rows").insert({ n: 2 });
        throw stop;
      });
      expect(await rejectionOf(failed)).toBe(stop);
      expect(await rows()).toEqual([1]);
      expect(await db("knex_rows").select("n")).toEqual([{ n: 1 }]);
    });

    it("pg-boss sends a job and works it off", async () => {
      const pool = wrappedOf(version, { ...server().address, max: 3 }, quickly(3));
      const executeSql = (text: string, values?: unknown[]) => pool.query(text, values);
      const boss = new PgBoss({ db: { executeSql }, supervise: false, schedule: false });
      boss.on("error", () => {});
      await boss.start();
      onTestFinished(() => boss.stop({ graceful: false }));
      await boss.createQueue("mail");
      await boss.send("mail", { to: "you" });
      const [job] = await boss.fetch<{ to: string }>("mail");
      expect(job?.data).toEqual({ to: "you" });
      await boss.complete("mail", job?.id ?? "");
      expect(await boss.fetch("mail")).toEqual([]);
    });

    it("connect-pg-simple keeps sessions", async () => {
      const pool = wrappedOf(version, server().address, quickly(3));
      const Store = connectPgSimple(session);
      const store = new Store({ pool, createTableIfMissing: true, pruneSessionInterval: false });
      const cookie = { originalMaxAge: 60_000, maxAge: 60_000 };
      const set = new Promise((resolve) => store.set("sid", { cookie, user: 7 }, resolve));
      expect(await set).toBeFalsy();
      const got = await new Promise((resolve) => store.get("sid", (_, found) => resolve(found)));
      expect(got).toMatchObject({ user: 7 });
      await new Promise((resolve) => store.destroy("sid", resolve));
      store.close();
    });
  },
);
