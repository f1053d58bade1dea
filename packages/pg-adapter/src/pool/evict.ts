import type { Pool } from "pg";
import { insideOf, insideOfPool } from "../connection/inside.js";

/**
 * Closes the connections that nobody uses, and says how many: after a failover they lead to a server that is gone, or is
 * no primary any more. Their sockets are cut, as nobody may be there to say goodbye to.
 */
export function evictIdle(pool: Pool): number {
  const inside = insideOfPool(pool);
  // oxlint-disable-next-line typescript/unbound-method -- called on what they are of
  const { _idle: found = [], _remove: remove } = inside;
  const idle = [...found];
  for (const { client } of idle) {
    remove?.call(inside, client);
    insideOf(client).connection?.stream.destroy();
  }
  return idle.length;
}
