/**
 * Workers that take jobs from a table, in transactions, while their server is killed again and again. Every job is done,
 * and none is done twice.
 *
 *   node examples/pg/jobs.ts
 */
import { explainError, retry, retryBudget } from "@breakwater/core";
import { withTransaction, wrapPool } from "@breakwater/pg-adapter";
import pg from "pg";
import { openDatabase } from "./database.ts";

const JOBS = 200;
const WORKERS = 4;
const SCHEMA = `
  drop schema if exists breakwater_example cascade;
  create schema breakwater_example;
  create table breakwater_example.jobs (id int primary key, done_at timestamptz);
  create table breakwater_example.receipts (job int not null);
  insert into breakwater_example.jobs select id from generate_series(1, ${JOBS}) id;`;
const COUNT =
  "select count(*)::int as n, count(distinct job)::int as jobs from breakwater_example.receipts";

const database = await openDatabase();
const pool = wrapPool(
  new pg.Pool({ connectionString: database.url, max: WORKERS }),
  retry({ maxAttempts: 20, baseMs: 20, maxMs: 500 }),
  retryBudget({ reserve: 500 }),
  { name: "jobs" },
);

/** Takes the next job and does it. False when there is none left. */
async function doNext(client: pg.PoolClient): Promise<boolean> {
  const { rows } = await client.query<{ id: number }>(
    "select id from breakwater_example.jobs where done_at is null order by id limit 1 for update skip locked",
  );
  const [job] = rows;
  if (job === undefined) return false;
  await client.query("select pg_sleep(0.03)"); // the work itself
  await client.query("insert into breakwater_example.receipts values ($1)", [job.id]);
  await client.query("update breakwater_example.jobs set done_at = now() where id = $1", [job.id]);
  return true;
}

/** When a COMMIT is lost it is unknown whether its job is done; to take the next free one is right in both cases. */
async function work(): Promise<void> {
  while (await withTransaction(pool, doNext, { idempotent: true }));
}

try {
  await pool.query({ text: SCHEMA, resilience: { idempotent: true } });
  await Promise.all(Array.from({ length: WORKERS }, work));
  const { rows } = await pool.query<{ n: number; jobs: number }>({
    text: COUNT,
    resilience: { readOnly: true },
  });
  const { n = 0, jobs = 0 } = rows[0] ?? {};
  console.log(
    `${jobs} of ${JOBS} jobs done, ${n - jobs} of them twice; the server was killed ${database.kills} times`,
  );
  await pool.query({
    text: "drop schema breakwater_example cascade",
    resilience: { idempotent: true },
  });
} catch (error) {
  console.error(String(explainError(error) ?? error));
  process.exitCode = 1;
} finally {
  await pool.end();
  await database.close();
}
