import { circuitBreaker, retryBudget } from "@breakwater/core";
import { wrapPool } from "@breakwater/pg-adapter";
import pg from "pg";
import { startPostgres } from "../../../packages/pg-adapter/test/support/postgres/server.ts";

/** @typedef {import("../types.js").Contestant} Contestant */

/** One server for all contestants of a process; it ends with it. */
/** @type {Promise<import("../../../packages/pg-adapter/test/support/postgres/server.ts").PostgresServer> | undefined} */
let server;

/**
 * @param {string} name
 * @param {string} note
 * @param {(pool: pg.Pool) => pg.Pool} wrap
 * @returns {Contestant}
 */
function contestant(name, note, wrap) {
  return {
    name,
    note,
    make({ task }) {
      /** @type {pg.Pool | undefined} */
      let pool;
      const open = async () => {
        server ??= startPostgres();
        const { socketAddress } = await server;
        return (pool ??= wrap(new pg.Pool({ ...socketAddress, max: 1 })));
      };
      return {
        call: () => {
          void task();
          return pool === undefined
            ? open().then((opened) => opened.query("select 1"))
            : pool.query("select 1");
        },
      };
    },
  };
}

export const plain = contestant("plain pool", "no time limits", (pool) => pool);

export const ours = contestant(
  "breakwater",
  "breaker, budget, up to 3 attempts, time limits",
  (pool) => wrapPool(pool, circuitBreaker(), retryBudget()),
);

export const recommended = contestant("breakwater, bare", "the recommended set", (pool) =>
  wrapPool(pool),
);
