import { BreakwaterError, explainError } from "@breakwater/core";
import pg from "pg";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TransactionError, withTransaction } from "../src/index.js";
import { FaultProxy } from "./support/fault-proxy.ts";
import { plainPool, valueOf } from "./support/plain-pool.ts";
import { BOTH } from "./support/pools.ts";
import { hasPostgres, usePostgres } from "./support/use-postgres.ts";

describe.runIf(hasPostgres).each(BOTH)("withTransaction, pg %s", { timeout: 60_000 }, (version) => {
  const poolAt = (config: pg.PoolConfig): pg.Pool => plainPool(config, version);
  const server = usePostgres({ settings: { max_connections: 30 } });
  let pool: pg.Pool;

  beforeAll(async () => {
    const first = new pg.Client(server().address);
    await first.connect();
    await first.query("create table accounts (id int primary key, cents int not null)");
    await first.query("create table notes (text text unique deferrable initially deferred)");
    await first.end();
  });
  beforeEach(async () => {
    pool = poolAt(server().address);
    await pool.query("truncate accounts, notes");
    await pool.query("insert into accounts values (1, 100), (2, 100)");
  });

  const centsOf = (id: number): Promise<unknown> =>
    valueOf(pool, "select cents from accounts where id = $1", [id]);

  test("commits what its function did, and gives its value", async () => {
    const value = await withTransaction(pool, async (client) => {
      await add(client, 1, -30);
      await add(client, 2, 30);
      return "moved";
    });
    expect([value, await centsOf(1), await centsOf(2)]).toEqual(["moved", 70, 130]);
    expect(pool.idleCount).toBe(pool.totalCount);
  });

  test("rolls back what failed, and throws the very error", async () => {
    const mine = new Error("no such customer");
    const failing = withTransaction(pool, async (client) => {
      await add(client, 1, -30);
      throw mine;
    });
    await expect(failing).rejects.toBe(mine);
    expect(await centsOf(1)).toBe(100);
    expect(explainError(mine)?.attempts).toHaveLength(1);
  });

  test("an SQL error keeps the connection", async () => {
    await withTransaction(pool, async (client) => client.query("select 1"));
    const { totalCount } = pool;
    const wrong = withTransaction(pool, async (client) => client.query("select 1/0"));
    await expect(wrong).rejects.toMatchObject({ code: "22012" });
    expect([pool.totalCount, pool.idleCount]).toEqual([totalCount, totalCount]);
  });

  test("begins as it is told to", async () => {
    const modes = await withTransaction(
      pool,
      async (client) => {
        const { rows } = await client.query(
          "select current_setting('transaction_isolation') i, current_setting('transaction_read_only') r",
        );
        return rows[0] as unknown;
      },
      { isolation: "repeatable read", readOnly: true },
    );
    expect(modes).toEqual({ i: "repeatable read", r: "on" });
    const write = withTransaction(pool, async (client) => add(client, 1, 1), { readOnly: true });
    await expect(write).rejects.toMatchObject({ code: "25006" });
  });

  test("a serialization failure runs the whole function again, from a fresh BEGIN", async () => {
    let runs = 0;
    const value = await withTransaction(
      pool,
      async (client) => {
        runs++;
        await totalOf(client);
        if (runs === 1)
          await withTransaction(
            pool,
            async (other) => (await totalOf(other), await add(other, 2, 1)),
            {
              isolation: "serializable",
            },
          );
        await add(client, 1, 1);
        return runs;
      },
      { isolation: "serializable" },
    );
    expect([value, await centsOf(1), await centsOf(2)]).toEqual([2, 101, 101]);
  });

  test("of two transactions in deadlock the one that is chosen runs again", async () => {
    let met = 0;
    const both = new Deferred();
    const lock = async (first: number, second: number): Promise<void> =>
      withTransaction(pool, async (client) => {
        await add(client, first, 1);
        if (++met === 2) both.resolve();
        await both.promise;
        await add(client, second, 1);
      });
    await Promise.all([lock(1, 2), lock(2, 1)]);
    expect([met, await centsOf(1), await centsOf(2)]).toEqual([3, 102, 102]);
  });

  test("a counter that eight writers raise at once loses no step", async () => {
    let raised = 0;
    const writer = async (): Promise<void> => {
      for (let step = 0; step < 5; step++, raised++) await raise(pool);
    };
    await Promise.allSettled(Array.from({ length: 8 }, writer)); // the budget may end one of them
    expect(raised).toBeGreaterThan(8);
    expect(await centsOf(1)).toBe(100 + raised);
  });

  test("attempts end where they were told to, with the conflict itself", async () => {
    let runs = 0;
    const conflict = withTransaction(
      pool,
      async (client) => {
        runs++;
        await client.query("do $$ begin raise exception using errcode = '40001'; end $$");
      },
      { maxAttempts: 3 },
    );
    await expect(conflict).rejects.toMatchObject({ code: "40001" });
    expect(runs).toBe(3);
  });

  test("a conflict that was swallowed, and another error thrown for its failed transaction, is a conflict all the same", async () => {
    let runs = 0;
    await withTransaction(pool, async (client) => {
      runs++;
      if (runs > 1) return;
      await client
        .query("do $$ begin raise exception using errcode = '40001'; end $$")
        .catch(() => {});
      await client.query("select 1"); // 25P02
    });
    expect(runs).toBe(2);
  });

  test("an error that an ORM has wrapped is looked through", async () => {
    let runs = 0;
    await withTransaction(pool, async (client) => {
      if (++runs > 1) return;
      await client
        .query("do $$ begin raise exception using errcode = '40P01'; end $$")
        .catch((error: unknown) => {
          throw new Error("query failed", { cause: error });
        });
    });
    expect(runs).toBe(2);
  });

  test("another service's lost connection is no reason to run a transaction again", async () => {
    let runs = 0;
    const elsewhere = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    const failing = withTransaction(pool, async () => {
      runs++;
      throw elsewhere;
    });
    await expect(failing).rejects.toBe(elsewhere);
    expect(runs).toBe(1);
  });

  test("COMMIT that comes back as ROLLBACK is an error, which tells what had failed", async () => {
    const swallowed = withTransaction(pool, async (client) => {
      await add(client, 1, -30);
      await client.query("select 1/0").catch(() => {});
    });
    await expect(swallowed).rejects.toMatchObject({
      code: "ERR_ROLLED_BACK",
      cause: { code: "22012" },
    });
    expect(await centsOf(1)).toBe(100);
  });

  test("a constraint that fails only at COMMIT is the constraint's error, and keeps the connection", async () => {
    const twice = withTransaction(pool, async (client) => {
      await client.query("insert into notes values ('same'), ('same')");
    });
    await expect(twice).rejects.toMatchObject({ code: "23505" });
    expect(pool.idleCount).toBe(pool.totalCount);
    expect(await valueOf(pool, "select count(*)::int from notes")).toBe(0);
  });

  test("a function that ends the transaction itself is told so", async () => {
    const ended = withTransaction(pool, async (client) => client.query("COMMIT"));
    await expect(ended).rejects.toMatchObject({ code: "ERR_TRANSACTION_ENDED" });
  });

  test("the client answers nobody once its transaction has ended", async () => {
    const leaked = await withTransaction(pool, async (client) => ({ client }));
    await expect(leaked.client.query("select 1")).rejects.toBeInstanceOf(TransactionError);
    const byCallback = await new Promise((resolve) =>
      leaked.client.query("select 1", (error) => resolve(error)),
    );
    expect(byCallback).toMatchObject({ code: "ERR_TRANSACTION_ENDED" });
  });

  test("the function cannot give the client back", async () => {
    const early = withTransaction(pool, async (client) => client.release());
    await expect(early).rejects.toMatchObject({ code: "ERR_INVALID_SPEC" });
  });

  test("callbacks work on the client, too", async () => {
    const value = await withTransaction(
      pool,
      (client) =>
        new Promise((resolve, reject) =>
          client.query("select 1 as one", (error, result) =>
            error ? reject(error) : resolve(result.rows[0]),
          ),
        ),
    );
    expect(value).toEqual({ one: 1 });
  });

  describe("lost connections", () => {
    test("a backend that is terminated within a transaction: the whole of it runs again", async () => {
      let runs = 0;
      await withTransaction(pool, async (client) => {
        runs++;
        await add(client, 1, 5);
        if (runs === 1) await pool.query("select pg_terminate_backend($1)", [await pidOf(client)]);
        await add(client, 2, 5);
      });
      expect([runs, await centsOf(1), await centsOf(2)]).toEqual([2, 105, 105]);
    });

    test("a stale idle connection is replaced", async () => {
      await using proxy = await FaultProxy.to(server().address);
      const through = poolAt({ ...proxy.address, max: 1 });
      await through.query("select 1");
      let runs = 0;
      proxy.loseNext(/BEGIN/, "request");
      await withTransaction(through, async (client) => (runs++, await add(client, 1, 1)));
      expect([runs, await centsOf(1)]).toEqual([1, 101]);
    });

    test("an aborted caller's transaction is cancelled on the server and rolled back", async () => {
      const caller = new AbortController();
      const sleeping = withTransaction(
        pool,
        async (client) => {
          await add(client, 1, -50);
          setTimeout(() => caller.abort(new Error("enough")), 20);
          await client.query("select pg_sleep(30)");
        },
        { signal: caller.signal },
      );
      await expect(sleeping).rejects.toThrow("enough");
      const asleep = "select count(*)::int from pg_stat_activity where wait_event = 'PgSleep'";
      await expect.poll(() => valueOf(pool, asleep), { timeout: 10_000 }).toBe(0);
      expect(await centsOf(1)).toBe(100);
      await expect.poll(() => pool.idleCount).toBe(pool.totalCount);
    });

    test("a transaction that runs out of time ends with that", async () => {
      const slow = withTransaction(pool, async (client) => client.query("select pg_sleep(30)"), {
        deadlineMs: 50,
      });
      await expect(slow).rejects.toMatchObject({ code: "ERR_DEADLINE_EXCEEDED" });
    });

    test("a client is never handed on inside a transaction", async () => {
      const single = poolAt({ ...server().address, max: 1 });
      const outcomes = [
        withTransaction(single, async (client) => add(client, 1, 1)),
        withTransaction(single, async (client) => client.query("select 1/0")),
        withTransaction(single, async (client) => client.query("select pg_sleep(30)"), {
          deadlineMs: 50,
        }),
      ];
      await Promise.allSettled(outcomes);
      const client = await single.connect();
      expect(await valueOf(client, "select now() = statement_timestamp()")).toBe(true);
      client.release();
    });
  });

  describe("inside another transaction", () => {
    test("what fails is undone alone", async () => {
      await withTransaction(pool, async (client) => {
        await add(client, 1, 1);
        await withTransaction(client, async (inner) => {
          await add(inner, 2, 1);
          await inner.query("select 1/0");
        }).catch(() => {});
        await withTransaction(client, async (inner) => add(inner, 2, 7));
      });
      expect([await centsOf(1), await centsOf(2)]).toEqual([101, 107]);
    });

    test("a lock that was not free is tried for again, and nothing else of the transaction", async () => {
      const holder = await pool.connect();
      await holder.query("begin; select * from accounts where id = 2 for update");
      let outer = 0;
      let inner = 0;
      await withTransaction(pool, async (client) => {
        outer++;
        await add(client, 1, 1);
        await withTransaction(client, async (nested) => {
          if (++inner === 2) await holder.query("rollback");
          await nested.query("select * from accounts where id = 2 for update nowait");
        });
      });
      holder.release();
      expect([outer, inner, await centsOf(1)]).toEqual([1, 2, 101]);
    });

    test("a lock that stays taken is given up once, not once for each attempt of the outer one", async () => {
      const holder = await pool.connect();
      await holder.query("begin; select * from accounts where id = 2 for update");
      let inner = 0;
      const taken = withTransaction(pool, async (client) =>
        withTransaction(client, async (nested) => {
          inner++;
          await nested.query("select * from accounts where id = 2 for update nowait");
        }),
      );
      await expect(taken).rejects.toMatchObject({ code: "55P03" });
      holder.release(true);
      expect(inner).toBe(3);
    });

    test("a conflict is not tried again in a savepoint: the whole transaction is", async () => {
      let outer = 0;
      let inner = 0;
      await withTransaction(pool, async (client) => {
        outer++;
        await withTransaction(client, async (nested) => {
          if (++inner === 1)
            await nested.query("do $$ begin raise exception using errcode = '40001'; end $$");
        });
      });
      expect([outer, inner]).toEqual([2, 2]);
    });

    test("two at once are refused, as one would undo the other", async () => {
      const both = withTransaction(pool, async (client) => {
        const first = withTransaction(client, async (inner) =>
          inner.query("select pg_sleep(0.05)"),
        );
        const second = withTransaction(client, async (inner) => inner.query("select 1"));
        await Promise.allSettled([first, second]);
        await second;
      });
      await expect(both).rejects.toThrow("Await the first before you begin the second");
    });

    test("takes no options that belong to the outer one", async () => {
      const wrong = withTransaction(pool, async (client) =>
        withTransaction(client, async () => {}, { isolation: "serializable" }),
      );
      await expect(wrong).rejects.toThrow("Give it to the outer withTransaction");
    });
  });

  test.each([
    [{ isolation: "snapshot" }, /isolation: expected "read committed"/],
    [{ maxAttempts: 0 }, /maxAttempts: expected a whole number from 1 to 100, received 0/],
    [{ retries: 3 }, /retries: expected one of isolation/],
    [{ signal: true }, /signal: expected an AbortSignal/],
  ])("options %j are refused", async (options, message) => {
    const refused = withTransaction(pool, async () => {}, options as never);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toBeInstanceOf(BreakwaterError);
  });

  test("what is no pool is refused, and so is a client of its own", async () => {
    const client = new pg.Client(server().address);
    await expect(withTransaction(client, async () => {})).rejects.toThrow("a pool of pg");
    await expect(withTransaction({} as never, async () => {})).rejects.toThrow("a pool of pg");
  });
});

async function pidOf(client: pg.ClientBase): Promise<unknown> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid;
}

function add(client: pg.ClientBase, id: number, cents: number): Promise<unknown> {
  return client.query("update accounts set cents = cents + $2 where id = $1", [id, cents]);
}

function totalOf(client: pg.ClientBase): Promise<unknown> {
  return client.query("select sum(cents) from accounts");
}

/** By reading and writing: two at once would lose a step, if the database did not notice. */
async function raise(pool: pg.Pool): Promise<void> {
  await withTransaction(
    pool,
    async (client) => {
      const { rows } = await client.query<{ cents: number }>(
        "select cents from accounts where id = 1",
      );
      const next = (rows[0]?.cents ?? 0) + 1;
      await client.query("update accounts set cents = $1 where id = 1", [next]);
    },
    { isolation: "repeatable read", maxAttempts: 100 },
  );
}

class Deferred {
  resolve!: () => void;
  readonly promise = new Promise<void>((resolve) => (this.resolve = resolve));
}
