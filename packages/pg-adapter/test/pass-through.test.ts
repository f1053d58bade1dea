import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { describe, expect, it } from "vitest";
import { BOTH, eventsOf, poolOf, quickly, wrappedOf } from "./support/pools.js";
import { FaultProxy } from "./support/fault-proxy.js";
import { hasPostgres, usePostgres } from "./support/use-postgres.js";

const NUMBERS = "select generate_series(1, 1000) as n";

describe.runIf(hasPostgres).each(BOTH)("what pg sends piece by piece, pg %s", (version) => {
  const server = usePostgres();
  /** A statementMs that would cut off whatever it held for. */
  const wrapped = (): pg.Pool =>
    wrappedOf(version, { ...server().address, max: 1 }, quickly(3), { statementMs: 1_000 });

  it("a cursor is read for as long as it takes", async () => {
    const pool = wrapped();
    const client = await pool.connect();
    const cursor = client.query(new Cursor(NUMBERS));
    expect(await cursor.read(400)).toHaveLength(400);
    const behind = client.query("select 1 as n"); // waits for the cursor, and not against its time
    await new Promise((resolve) => void setTimeout(resolve, 1_100));
    expect(await cursor.read(1000)).toHaveLength(600);
    await cursor.close();
    expect((await behind).rows).toEqual([{ n: 1 }]);
    client.release();
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
  });

  it("a stream is read, and its client may be released at its end", async () => {
    const pool = wrapped();
    const events = eventsOf(pool, "client.destroyed");
    const client = await pool.connect();
    const stream = client.query(new QueryStream(NUMBERS, [], { batchSize: 100 }));
    let rows = 0;
    stream.on("data", () => void rows++);
    await once(stream, "end");
    client.release();
    expect(rows).toBe(1000);
    await pool.query("select 1");
    expect(events).toEqual([]);
  });

  it("COPY goes in and out", async () => {
    const pool = wrapped();
    const client = await pool.connect();
    await client.query("create temp table copied (n int)");
    await pipeline(Readable.from(["1\n", "2\n"]), client.query(copyFrom("copy copied from stdin")));
    expect(await text(client.query(copyTo("copy copied to stdout")))).toBe("1\n2\n");
    client.release();
  });

  it("LISTEN hears what is notified", async () => {
    const pool = wrapped();
    const client = await pool.connect();
    await client.query("listen news");
    const heard = once(client, "notification");
    await poolOf(version, server().address).query("notify news, 'it rains'");
    expect((await heard)[0]).toMatchObject({ channel: "news", payload: "it rains" });
    client.release();
  });

  it("a query object of pool.query is acquired for under the policy", async () => {
    await using proxy = await FaultProxy.to(server().address);
    proxy.refuse();
    const pool = wrappedOf(version, proxy.address, quickly(50));
    const heard = eventsOf(pool, "retry.scheduled");
    const answer = pool.query(new Cursor(NUMBERS)) as unknown as Promise<unknown>; // as pg has it, whatever its types say
    answer.catch(() => {}); // it ends with the pool
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    await proxy.accept();
    await expect.poll(() => pool.totalCount).toBe(1);
  });
});
