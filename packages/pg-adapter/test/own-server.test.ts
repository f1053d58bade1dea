import { existsSync } from "node:fs";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { FaultProxy } from "./support/fault-proxy.ts";
import { startPostgres } from "./support/postgres/server.ts";
import { hasPostgres, usePostgres } from "./support/use-postgres.ts";

// What the other tests rely on: the faults are real.
describe.runIf(hasPostgres)("the tests' own PostgreSQL", { timeout: 60_000 }, () => {
  const server = usePostgres({ settings: { max_connections: 20 } });

  test("answers by TCP and by its unix socket, with the settings that were asked for", async () => {
    expect(await ask(server().address, "select 1")).toBe(1);
    expect(await ask(server().socketAddress, "show max_connections")).toBe("20");
  });

  test("comes back after SIGKILL with what was committed", async () => {
    await ask(server().address, "create table kept as select 42 as answer");
    await server().kill();
    const code: unknown = expect.stringMatching(/ECONNREFUSED|ECONNRESET/); // its children may hold the port for a moment
    await expect(ask(server().address, "select 1")).rejects.toMatchObject({ code });
    await server().restart();
    expect(await ask(server().address, "select answer from kept")).toBe(42);
  });

  test("answers nobody while it is frozen, and goes on when it thaws", async () => {
    server().freeze();
    const frozen = ask({ ...server().address, connectionTimeoutMillis: 200 }, "select 1");
    await expect(frozen).rejects.toThrow(/timeout/);
    server().thaw();
    expect(await ask(server().address, "select 1")).toBe(1);
  });

  test("can be killed while it is frozen", async () => {
    server().freeze();
    await server().restart();
    expect(await ask(server().address, "select 1")).toBe(1);
  });

  test("a standby follows it, refuses writes, and takes them once promoted", async () => {
    await using standby = await startPostgres({ standbyOf: server() });
    await ask(server().address, "create table followed as select 7 as answer");
    const written = await ask(server().address, "select pg_current_wal_lsn()::text");
    const caughtUp = `select pg_last_wal_replay_lsn() >= '${String(written)}'::pg_lsn`;
    await expect.poll(() => ask(standby.address, caughtUp), { timeout: 20_000 }).toBe(true);
    expect(await ask(standby.address, "select answer from followed")).toBe(7);
    await expect(ask(standby.address, "create table t ()")).rejects.toMatchObject({
      code: "25006",
    });
    await standby.promote();
    await ask(standby.address, "create table t ()");
  });

  test("nothing is left of it once it has stopped", async () => {
    const short = await startPostgres();
    await short.stop();
    expect(existsSync(short.folder)).toBe(false);
    await expect(ask(short.address, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("a proxy passes on, holds, resets, half-closes and refuses", async () => {
    await using proxy = await FaultProxy.to(server().address);
    const { address } = proxy;
    expect(await ask(address, "select 1")).toBe(1);
    proxy.traffic = "hold";
    const held = ask({ ...address, connectionTimeoutMillis: 100 }, "select 1");
    await expect(held).rejects.toThrow(/timeout/);
    proxy.traffic = "pass";
    await expect(cutBy(address, () => proxy.reset())).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(cutBy(address, () => proxy.halfClose())).rejects.toThrow(/unexpectedly/);
    proxy.refuse();
    await expect(ask(address, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await proxy.accept();
    expect(await ask(address, "select 1")).toBe(1);
  });

  test("a proxy loses the request of a statement, or only its answer", async () => {
    await using proxy = await FaultProxy.to(server().address);
    await ask(server().address, "create table arrived (loss text)");
    for (const loss of ["answer", "request"] as const) {
      proxy.loseNext(/insert/, loss);
      await expect(ask(proxy.address, `insert into arrived values ('${loss}')`)).rejects.toThrow(
        /ECONNRESET|unexpectedly/,
      );
    }
    expect(await ask(server().address, "select string_agg(loss, ',') from arrived")).toBe("answer");
  });
});

async function ask(config: pg.ClientConfig, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionTimeoutMillis: 10_000, ...config });
  client.on("error", () => {});
  try {
    await client.connect();
    return ((await client.query({ text, rowMode: "array" })).rows as unknown[][])[0]?.[0];
  } finally {
    await client.end();
  }
}

async function cutBy(address: pg.ClientConfig, cut: () => void): Promise<unknown> {
  const client = new pg.Client(address);
  client.on("error", () => {});
  await client.connect();
  const asked = client.query("select pg_sleep(5)");
  setTimeout(cut, 50);
  return asked;
}
