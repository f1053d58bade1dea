import type pg from "pg";
import { onTestFinished } from "vitest";
import { type Version, VERSIONS } from "./pools.ts";

/** A pool that ends with its test, and that does not mind a server which goes away. */
export function plainPool(config: pg.PoolConfig, version: Version = "newest"): pg.Pool {
  const pool = new VERSIONS[version].Pool({ max: 5, connectionTimeoutMillis: 5_000, ...config });
  pool.on("error", () => {});
  onTestFinished(() => pool.end());
  return pool;
}

/** The one value that a query asks for. */
export async function valueOf(
  client: pg.Pool | pg.ClientBase,
  text: string,
  values?: unknown[],
): Promise<unknown> {
  const { rows } = await client.query<Record<string, unknown>>(text, values);
  return Object.values(rows[0] ?? {})[0];
}
