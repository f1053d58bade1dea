import type { Pool, PoolClient } from "pg";
import { clientsOf, insideOfPool } from "../connection/inside.js";

/**
 * Those of the connected clients of a pool that are in somebody's hands. Asked when something has gone wrong: counting
 * them as they come and go would cost each statement more than its time limit does.
 */
export function inUse(pool: Pool, connected: ReadonlyMap<PoolClient, unknown>): PoolClient[] {
  const { _idle: idle = [] } = insideOfPool(pool);
  const unused = new Set(idle.map(({ client }) => client));
  return clientsOf(pool).filter((client) => connected.has(client) && !unused.has(client));
}
