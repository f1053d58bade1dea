import dns from "node:dns";
import pg from "pg";
import { describe, expect, it, vi } from "vitest";
import { FaultProxy } from "./support/fault-proxy.js";
import { BOTH, eventsOf, quickly, rejectionOf, wrappedOf } from "./support/pools.js";
import { certificate } from "./support/postgres/tls.js";
import { hasPostgres, usePostgres } from "./support/use-postgres.js";

const SLEEP = "select pg_sleep(60)";
/** The code of the protocol's CancelRequest, 04d2162e (which ends with a dot): nobody reads it who has no key. */
const CANCEL = new RegExp(`${Buffer.from("04d216", "hex").toString("latin1")}\\.`);

const checked = (config: pg.PoolConfig): pg.PoolConfig => ({
  ...config,
  host: "localhost",
  ssl: { ca: certificate },
});

describe.runIf(hasPostgres).each(BOTH)("a cancel, where the server wants TLS, pg %s", (version) => {
  const server = usePostgres({ isTlsOnly: true });
  /** What became of a statement that was given up: its connection is kept where the cancel has got through. */
  async function cancelOn(config: pg.PoolConfig, atOnce = () => {}): Promise<unknown> {
    const limits = { statementMs: 100, cancelMs: 1_000 };
    const pool = wrappedOf(version, { ...config, max: 1 }, quickly(1), limits);
    const events = eventsOf(pool, "statement.cancelled");
    await pool.query("select 1");
    atOnce();
    expect(await rejectionOf(pool.query(SLEEP))).toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
    await expect.poll(() => events.length, { timeout: 5_000 }).toBe(1);
    return events[0]?.kept;
  }

  it("the server does want it", async () => {
    const pool = wrappedOf(version, server().address, quickly(1));
    expect(await rejectionOf(pool.query("select 1"))).toMatchObject({ code: "28000" });
  });

  it("gets through, with the certificate checked", async () => {
    expect(await cancelOn(checked(server().address))).toBe(true);
  });

  it("gets through as the sslmode of a connection string has it", async () => {
    expect(await cancelOn({ connectionString: `${server().url}?sslmode=no-verify` })).toBe(true);
  });

  it("gets through by the unix socket", async () => {
    expect(await cancelOn(server().socketAddress)).toBe(true);
  });

  it("is encrypted as its connection is", async () => {
    await using proxy = await FaultProxy.to(server().address);
    proxy.loseNext(CANCEL, "request"); // had it been readable
    expect(await cancelOn(checked(proxy.address))).toBe(true);
    const { host, port } = server().socketAddress;
    await using unprotected = await FaultProxy.to({ ...server().address, host, port });
    unprotected.loseNext(CANCEL, "request");
    expect(await cancelOn({ ...unprotected.address })).toBe(false);
  });

  it("goes to the address of its connection, where the name leads elsewhere by now", async () => {
    const lookup = vi.spyOn(dns, "lookup");
    const moved = () =>
      lookup.mockImplementation(((_: string, __: object, done: (error: Error) => void) =>
        done(Object.assign(new Error("moved"), { code: "ENOTFOUND" }))) as never);
    try {
      expect(await cancelOn(checked(server().address), moved)).toBe(true);
    } finally {
      lookup.mockRestore();
    }
  });

  it("is given up in time where the server does not shake hands, and the connection with it", async () => {
    await using proxy = await FaultProxy.to(server().address);
    const hold = (): void => void (proxy.traffic = "drop answers");
    expect(await cancelOn(checked(proxy.address), hold)).toBe(false);
  });
});
