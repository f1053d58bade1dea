import {
  deadLetter,
  type DeadLetterRecord,
  type EventOf,
  type Policy,
  registry,
  resilient,
} from "@breakwater/core";
import { type DeadLetterStore, replay } from "@breakwater/core/dead-letters";
import type pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  keepsToTheContract,
  lettersIn,
  recordAt,
} from "../../../core/test/contracts/dead-letter-store.js";
import {
  DeadLetterTableError,
  deadLettersTableSql,
  resilienceOf,
  tableDeadLetters,
  wrapPool,
} from "../../src/index.js";
import { parseTableOptions } from "../../src/dead-letters/options.js";
import { FaultProxy } from "../support/fault-proxy.ts";
import { plainPool, valueOf } from "../support/plain-pool.ts";
import { BOTH, poolOf, rejectionOf } from "../support/pools.ts";
import { freePort } from "../support/postgres/server.ts";
import { hasPostgres, usePostgres } from "../support/use-postgres.ts";

let tables = 0;
const newTable = (): string => `letters_${++tables}`;
const WAITING = "select count(*)::int from pg_locks where not granted";
const idsOf = async (store: DeadLetterStore): Promise<string[]> =>
  (await lettersIn(store)).map(({ record }) => record.id);

describe.runIf(hasPostgres)("a table of dead letters", { timeout: 60_000 }, () => {
  const server = usePostgres({ settings: { max_connections: 300 } });
  const open = (table: string, more = {}): DeadLetterStore =>
    tableDeadLetters(server().url, { table, createTable: true, ...more });

  describe.each(BOTH)("with the %s pg", (version) => {
    keepsToTheContract(() => {
      const pool = poolOf(version, server().address);
      const table = newTable();
      return { another: () => tableDeadLetters(pool, { table, createTable: true }) };
    });
  });

  describe("keeps records whole", () => {
    const nested = JSON.parse(`${"[".repeat(3_000)}${"]".repeat(3_000)}`) as unknown;
    const payloads = ["a\0b", "\ud800", "é😀", { "\0": "\u2028" }, nested, "$1 'x' \\ \"{,}", null];

    test.each(["UTF8", "LATIN1", "SQL_ASCII"])("in a database in %s", async (encoding) => {
      const database = encoding.toLowerCase();
      await plainPool(server().address).query(
        `create database ${database} encoding '${encoding}' locale 'C' template template0`,
      );
      const store = tableDeadLetters(
        { ...server().address, database },
        { table: newTable(), createTable: true },
      );
      const records = payloads.map((payload, at) => recordAt(at + 0.1, { payload, key: "ключ" }));
      await Promise.all(records.map(async (record) => store.write(record)));
      const failure = { name: "Error", message: "für \0 immer" };
      await (await store.claim(records[0]?.id ?? ""))?.failed(failure);
      const letters = await lettersIn(store);
      expect(letters.map(({ record }) => JSON.stringify(record))).toEqual(
        records.map((record) => JSON.stringify(record)),
      );
      expect(letters[0]?.lastError).toEqual(failure);
    });

    test("whatever parsers and formats the pool has", async () => {
      const types = { getTypeParser: () => () => "spoilt" } as never;
      const pool = plainPool({ ...server().address, types, binary: true } as pg.PoolConfig);
      const store = tableDeadLetters(pool, { table: newTable(), createTable: true });
      const record = recordAt(1);
      await store.write(record);
      expect(await lettersIn(store)).toEqual([{ record, failures: 0 }]);
    });

    test("and lists what was there when it was asked, however many come meanwhile", async () => {
      const [store, other] = [open(newTable()), recordAt(3)];
      await Promise.all([store.write(recordAt(1)), store.write(recordAt(2))]);
      const { letters } = await store.list();
      await store.write(other);
      const seen: number[] = [];
      for await (const { record } of letters) seen.push(record.at);
      expect(seen).toEqual([1, 2]);
    });
  });

  describe("its table", () => {
    test("is made once by eight who find none at the same moment", async () => {
      for (let round = 0; round < 3; round++) {
        const table = newTable();
        const stores = Array.from({ length: 8 }, () => open(table));
        await Promise.all(stores.map(async (store) => store.flush?.()));
        await Promise.all(stores.map(async (store) => store.write(recordAt(1))));
        expect(await idsOf(open(table))).toHaveLength(8);
      }
    });

    test("that is missing is said, with what makes it", async () => {
      const store = tableDeadLetters(server().url, { table: "nowhere" });
      const error = await rejectionOf(store.write(recordAt(1)) as Promise<void>);
      expect(error).toBeInstanceOf(DeadLetterTableError);
      expect(error).toMatchObject({ code: "ERR_DEAD_LETTER_TABLE", cause: { code: "42P01" } });
      expect(error.message).toBe(
        'There is no table "nowhere". Run the SQL of deadLettersTableSql("nowhere"), or give tableDeadLetters createTable: true.',
      );
      await expect(store.list()).rejects.toThrow(/There is no table/);
      await expect(store.claim("a")).rejects.toThrow(/There is no table/);
    });

    test("is made by who may, and used by a role that may not make any", async () => {
      const pool = plainPool(server().address);
      const table = newTable();
      await pool.query("create role clerk login; revoke create on schema public from public");
      const store = tableDeadLetters(
        { ...server().address, user: "clerk" },
        { table, createTable: true },
      );
      const refused = await rejectionOf(store.write(recordAt(1)) as Promise<void>);
      expect(refused).toBeInstanceOf(DeadLetterTableError);
      expect(refused.message).toMatch(/could not be made: permission denied.*deadLettersTableSql/);
      await pool.query(deadLettersTableSql(table));
      await pool.query(deadLettersTableSql(table)); // does nothing
      await pool.query(`grant select, insert, update, delete on ${table} to clerk`);
      const record = recordAt(2);
      await store.write(record);
      await (await store.claim(record.id))?.failed({ name: "Error", message: "no" });
      await (await store.claim(record.id))?.done();
      expect(await idsOf(store)).toEqual([]);
    });

    test("may have a schema, capitals and blanks", async () => {
      await plainPool(server().address).query('create schema "On Call"');
      const store = open("On Call.Dead Letters; drop");
      await store.write(recordAt(1));
      const count = 'select count(*)::int from "On Call"."Dead Letters; drop"';
      expect(await valueOf(plainPool(server().address), count)).toBe(1);
    });

    test("that is another's is not taken for one of dead letters", async () => {
      const table = newTable();
      await plainPool(server().address).query(`create table ${table} (id text)`);
      await expect(open(table).write(recordAt(1))).rejects.toThrow(/lacks a column/);
    });

    test.each(["", "a.b.c", 'a"b', "a\0", ".a", "é".repeat(32), 7])("is not called %j", (table) => {
      const message = /table: expected a table such as/;
      expect(() => deadLettersTableSql(table as string)).toThrow(message);
      expect(() => tableDeadLetters({}, { table: table as string })).toThrow(message);
    });

    test("takes so many rows and no more, which is told; and more when there is room again", async () => {
      const table = newTable();
      const full = open(table, { maxRows: 3 });
      const records = Array.from({ length: 5 }, (_, at) => recordAt(at));
      const written = await Promise.allSettled(records.map(async (record) => full.write(record)));
      expect(written.map(({ status }) => status)).toEqual([
        ...Array.from({ length: 3 }, () => "fulfilled"),
        ...Array.from({ length: 2 }, () => "rejected"),
      ]);
      expect(written[4]).toMatchObject({ reason: { code: "ERR_SINK_FULL" } });
      await (await full.claim(records[0]?.id ?? ""))?.done();
      await open(table, { maxRows: 3 }).write(recordAt(9));
      await expect(open(table, { maxRows: 3 }).write(recordAt(10))).rejects.toThrow(/maxRows/);
    });

    test("a record that it refuses takes no other with it", async () => {
      const table = newTable();
      const store = open(table);
      await store.list();
      await plainPool(server().address).query(
        `alter table ${table} add constraint picky check (at_ms <> 2)`,
      );
      const written = await Promise.allSettled(
        [1, 2, 3].map(async (at) => store.write(recordAt(at))),
      );
      expect(written.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect((await lettersIn(store)).map(({ record }) => record.at)).toEqual([1, 3]);
    });

    test("a row that somebody has spoilt is passed by, and counted", async () => {
      const table = newTable();
      const store = open(table);
      for (const at of [1, 2, 3]) await store.write(recordAt(at));
      await plainPool(server().address).query(
        `update ${table} set record = left(record, 40) where at_ms = 2`,
      );
      const report = await replay(resilient({ name: "billing" }), () => {}, { from: store });
      expect(report).toMatchObject({ done: 2, failed: 0, damaged: 1 });
    });
  });

  describe("on a connection of its own", () => {
    test("needs none of a pool whose connections are all taken", async () => {
      const pool = plainPool({ ...server().address, max: 1 });
      const taken = await pool.connect();
      const store = tableDeadLetters(pool, { table: newTable(), createTable: true });
      await store.write(recordAt(1));
      expect([await idsOf(store), pool.totalCount]).toEqual([[expect.any(String)], 1]);
      taken.release();
    });

    test("the policy of a wrapped pool neither sheds, counts nor drains what it says", async () => {
      const pool = wrapPool(plainPool(server().address));
      const { policy } = resilienceOf(pool) ?? {};
      const before = JSON.stringify(policy?.snapshot().counters);
      const store = tableDeadLetters(pool, { table: newTable(), createTable: true });
      const block = registry.override({
        policy: "*",
        verb: "block",
        by: "me",
        why: "t",
        until: "1m",
      });
      onTestFinished(() => block.clear());
      await store.write(recordAt(1));
      await policy?.drain();
      await store.write(recordAt(2));
      expect(await idsOf(store)).toHaveLength(2);
      expect(JSON.stringify(policy?.snapshot().counters)).toBe(before);
    });

    test("is one, however many letters come at once", async () => {
      await using proxy = await FaultProxy.to(server().address);
      const store = tableDeadLetters(proxy.address, { table: newTable(), createTable: true });
      await Promise.all(Array.from({ length: 200 }, async (_, at) => store.write(recordAt(at))));
      expect(proxy.connections).toBe(1);
      expect(await idsOf(store)).toHaveLength(200);
    });
  });

  describe("when the database is in trouble", () => {
    test.each(["request", "answer"] as const)(
      "a write whose %s is lost is written, once",
      async (loss) => {
        await using proxy = await FaultProxy.to(server().address);
        const store = tableDeadLetters(proxy.address, { table: newTable(), createTable: true });
        await store.list();
        proxy.loseNext(/insert into/, loss);
        const record = recordAt(1);
        await store.write(record);
        expect(await idsOf(store)).toEqual([record.id]);
      },
    );

    test("a server that is killed in the middle of writes gets them when it is back", async () => {
      const table = newTable();
      const store = open(table);
      await store.write(recordAt(0));
      const pool = plainPool(server().address);
      const holder = await pool.connect();
      holder.on("error", () => {});
      await holder.query(`begin; lock table ${table}`);
      const writing = [1, 2, 3].map(async (at) => store.write(recordAt(at)));
      await expect.poll(() => valueOf(pool, WAITING)).toBe(1);
      await server().restart();
      holder.release(true);
      await Promise.all(writing);
      expect((await lettersIn(store)).map(({ record }) => record.at)).toEqual([0, 1, 2, 3]);
    });

    test("a claim is lost with the server, and what succeeded under it is done all the same", async () => {
      const [store, other] = [newTable()].flatMap((table) => [open(table), open(table)]) as [
        DeadLetterStore,
        DeadLetterStore,
      ];
      const [kept, gone] = [recordAt(1), recordAt(2)];
      await Promise.all([store.write(kept), store.write(gone)]);
      const claims = [await store.claim(kept.id), await store.claim(gone.id)];
      expect(await other.claim(kept.id)).toBeUndefined();
      await server().restart();
      const heir = await other.claim(kept.id);
      expect(heir?.record).toEqual(kept);
      await claims[0]?.failed({ name: "Error", message: "late" }); // the heir's now
      await claims[1]?.done();
      expect(await store.claim(kept.id)).toBeUndefined();
      await heir?.release();
      expect(await lettersIn(store)).toEqual([{ record: kept, failures: 0 }]);
    });

    test("the claim of a session that has ended is taken over, by one of many", async () => {
      const table = newTable();
      const record = recordAt(1);
      await open(table).write(record);
      expect(await open(table).claim(record.id)).toBeDefined();
      const heirs = Array.from({ length: 10 }, () => open(table));
      expect(await Promise.all(heirs.map((heir) => heir.claim(record.id)))).toEqual(
        heirs.map(() => undefined),
      );
      await plainPool(server().address).query(
        `select pg_terminate_backend(pid, 5000) from pg_locks, ${table}
        where locktype = 'advisory' and objid = (claimed_by & 4294967295)::oid`,
      );
      const claims = await Promise.all(heirs.map((heir) => heir.claim(record.id)));
      expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
    });

    test("what a role sets for sessions and transactions ends no claim, and fails none", async () => {
      const table = newTable();
      const records = [recordAt(1), recordAt(2)];
      await Promise.all(records.map(async (record) => open(table).write(record)));
      await plainPool(server().address).query(
        `create role strict login superuser; alter role strict set idle_session_timeout = 100;
        alter role strict set default_transaction_isolation = serializable`,
      );
      const address = { ...server().address, user: "strict" };
      const claimers = Array.from({ length: 8 }, () => tableDeadLetters(address, { table }));
      for (const { id } of records) {
        const claims = await Promise.all(claimers.map((claimer) => claimer.claim(id)));
        expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
      }
      await new Promise((resolve) => setTimeout(resolve, 200)); // idle for longer than they may be
      expect(await open(table).claim(records[0]?.id ?? "")).toBeUndefined();
    });

    test("a write that waits for a lock ends with its time, and is cancelled on the server", async () => {
      const table = newTable();
      const store = open(table, { deadlineMs: 1_000 });
      await open(table).list();
      const pool = plainPool(server().address);
      const holder = await pool.connect();
      await holder.query(`begin; lock table ${table}`);
      await expect(store.write(recordAt(1))).rejects.toThrow(/within 1000 ms \(deadlineMs\)/);
      await expect.poll(() => valueOf(pool, WAITING)).toBe(0);
      await holder.query("rollback");
      holder.release();
      const record = recordAt(2);
      await store.write(record);
      expect(await idsOf(store)).toEqual([record.id]);
    });

    test("a frozen server is given up after the time, and written to when it thaws", async () => {
      const store = open(newTable(), { deadlineMs: 1_000 });
      await store.write(recordAt(1));
      server().freeze();
      onTestFinished(() => server().thaw());
      await expect(store.write(recordAt(2))).rejects.toThrow(/deadlineMs/);
      await expect(store.write(recordAt(3))).rejects.toThrow(/deadlineMs/);
      server().thaw();
      await expect
        .poll(async () =>
          Promise.resolve(store.write(recordAt(4))).then(
            () => true,
            () => false,
          ),
        )
        .toBe(true);
    });

    test("a call keeps its own error, at once; what could not be written is told, with the reason", async () => {
      const sink = tableDeadLetters(
        { ...server().address, port: await freePort() },
        { table: "t", deadlineMs: 1_000 },
      );
      const policy: Policy = resilient(
        deadLetter({ sink, payload: () => 1, redact: (text) => text }),
      );
      const failed: EventOf<"dead_letter.failed">[] = [];
      policy.on("dead_letter.failed", (event) => void failed.push(event));
      const own = new Error("my own");
      expect(await rejectionOf(policy.execute(() => Promise.reject(own)))).toBe(own);
      expect(failed).toEqual([]);
      await policy.drain();
      expect(failed).toMatchObject([{ during: "write", error: { code: "ECONNREFUSED" } }]);
    });
  });

  test.each([
    [{ table: "a", maxRows: 0 }, /maxRows: expected a whole number from 1/],
    [{ table: "a", createTable: 1 }, /createTable: expected true or false/],
    [{ table: "a", deadlineMs: 0 }, /deadlineMs: expected a duration/],
    [{ table: "a", rows: 5 }, /rows: expected one of table, createTable/],
    [{}, /table: expected a table such as/],
    [5, /expected an object with options/],
  ])("options %j are refused", (options, message) => {
    expect(() => tableDeadLetters(server().url, options as never)).toThrow(message);
  });

  test("what is not said is as the guide has it", () => {
    expect(parseTableOptions({ table: "a" })).toEqual({
      table: "a",
      createTable: false,
      maxRows: 100_000,
      deadlineMs: 8_000,
    });
  });

  test("what is no pool is refused", async () => {
    const store = tableDeadLetters(5 as never, { table: "a" });
    await expect(store.list()).rejects.toThrow(/tableDeadLetters: expected a pool of pg/);
  });

  test("has no name for a record that no text can be", async () => {
    const record: DeadLetterRecord = recordAt(1);
    expect(await open(newTable()).claim(`${record.id}\0`)).toBeUndefined();
  });
});
