import { circuitBreaker, retryBudget } from "@breakwater/core";
import type pg from "pg";
import { describe, expect, test } from "vitest";
import { withTransaction, wrapPool } from "../src/index.js";
import { FlightRecorder, type Flights } from "./support/flights.ts";
import { BOTH, poolOf, quickly } from "./support/pools.js";
import { hasPostgres, usePostgres } from "./support/use-postgres.ts";

type Work = (pool: pg.Pool) => Promise<unknown>;

const NAMED = { name: "by-number", text: "select $1::int as n", values: [1] };

const failing: Work = (pool) => pool.query("selec").catch(() => {});

const onClient =
  (...texts: string[]): Work =>
  async (pool) => {
    const client = await pool.connect();
    for (const text of texts) await client.query(text);
    client.release();
  };

const inTransaction =
  (options = {}): Work =>
  (pool) =>
    withTransaction(pool, (client) => client.query("select 1"), options);

const ALIKE: [string, Work, number][] = [
  ["a text", (pool) => pool.query("select 1"), 1],
  ["a text with a callback", (pool) => new Promise((done) => pool.query("select 1", done)), 1],
  ["a statement with values", (pool) => pool.query("select $1::int as n", [1]), 1],
  ["a named statement", (pool) => pool.query(NAMED), 1],
  ["a client of one's own", onClient("select 1"), 1],
  ["a transaction by hand", onClient("begin", "select 1", "commit"), 3],
  ["two at once, on two connections", (pool) => Promise.all([sleep(pool), sleep(pool)]), 2],
];

const MORE: [string, Work, string[]][] = [
  ["withTransaction", inTransaction(), ["Query BEGIN", "Query select 1", "Query COMMIT"]],
  [
    "withTransaction, with how it begins",
    inTransaction({ isolation: "serializable", readOnly: true }),
    ["Query BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", "Query select 1", "Query COMMIT"],
  ],
  [
    "withTransaction with resolveCommit, which asks for the transaction's number",
    inTransaction({ resolveCommit: true }),
    [
      "Query BEGIN",
      "Query select 1",
      expect.stringContaining("Query select pg_current_xact_id_if_assigned()") as string,
      "Query COMMIT",
    ],
  ],
  [
    "enforceReadOnly, where the server refuses to write",
    (pool) => pool.query({ text: "select 1", resilience: { enforceReadOnly: true } }),
    ["Query BEGIN READ ONLY", "Query select 1", "Query COMMIT"],
  ],
];

describe.runIf(hasPostgres).each(BOTH)("what goes over the wire, pg %s", (version) => {
  const server = usePostgres();

  /** The same work, twice: the first time connections are made, and named statements are prepared. */
  async function flightsOf(work: Work, isWrapped: boolean): Promise<[Flights, Flights]> {
    await using recorder = await FlightRecorder.to(server().address);
    const pool = poolOf(version, { ...recorder.address, max: 2 });
    if (isWrapped) wrapPool(pool, circuitBreaker(), retryBudget(), quickly(3));
    await work(pool);
    const first = recorder.take();
    await work(pool);
    const second = recorder.take();
    await pool.end();
    return [first, second];
  }

  test.each(ALIKE)("%s: byte by byte what a pool without a policy says", async (_, work, trips) => {
    const plain = await flightsOf(work, false);
    const wrapped = await flightsOf(work, true);
    expect(wrapped[1]).toMatchObject({ connections: 0, roundTrips: trips });
    expect(wrapped).toEqual(plain);
  });

  test("a statement that fails: nothing more than it; pg would close its connection", async () => {
    const [, plain] = await flightsOf(failing, false);
    const [, wrapped] = await flightsOf(failing, true);
    expect(plain.connections).toBe(1);
    expect(wrapped).toMatchObject({ connections: 0, roundTrips: 1, messages: ["Query selec"] });
  });

  test.each(MORE)("%s: these and no others", async (_, work, messages) => {
    const [, again] = await flightsOf(work, true);
    expect(again.messages).toEqual(messages);
    expect(again).toMatchObject({ connections: 0, roundTrips: messages.length });
  });

  test("a time limit, a signal and a deadline that are kept cost nothing", async () => {
    const { signal } = new AbortController();
    const limits = { statementMs: 10_000, deadlineMs: 10_000, signal };
    const limited: Work = (pool) => pool.query({ text: "select 1", resilience: limits });
    const [, plain] = await flightsOf((pool) => pool.query("select 1"), false);
    const [, wrapped] = await flightsOf(limited, true);
    expect(wrapped).toEqual(plain);
  });
});

function sleep(pool: pg.Pool): Promise<unknown> {
  return pool.query("select pg_sleep(0.01)");
}
