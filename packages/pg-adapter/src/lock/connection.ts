import { badInput, isPlainObject } from "@breakwater/core";
import type { Client, ClientConfig, Pool } from "pg";

type MakeClient = new (config: ClientConfig) => Client;

/** Where a connection of its own leads: a pool, of which the address is used only, or what `pg.Client` takes. */
export type LockSource = Pool | ClientConfig | string;

/**
 * A connection of its own, not one of the pool: it would be a connection less for as long as the lock is held. A lock may
 * be waited for longer than any statement.
 *
 * @param more what this connection has otherwise than those of the pool.
 * @throws BreakwaterError `ERR_INVALID_SPEC`
 */
export async function clientFor(
  source: LockSource,
  asker = "pgLock",
  more: ClientConfig = {},
): Promise<Client> {
  const { config, make } = await partsOf(source, asker);
  return new make(
    Object.defineProperties(
      {},
      {
        ...Object.getOwnPropertyDescriptors(config), // a pool hides its password from view
        query_timeout: { value: 0, enumerable: true },
        keepAlive: { value: true, enumerable: true },
        ...Object.getOwnPropertyDescriptors(more),
      },
    ),
  );
}

async function partsOf(
  source: LockSource,
  asker: string,
): Promise<{ config: ClientConfig; make: MakeClient }> {
  if (isPool(source)) return { config: source.options, make: source.Client };
  if (typeof source !== "string" && !isPlainObject(source))
    throw badInput(asker, "a pool of pg, or what pg.Client takes", source);
  const config = typeof source === "string" ? { connectionString: source } : source;
  const { default: pg } = await import("pg");
  return { config, make: pg.Client };
}

/** pg-pool keeps the class that it makes connections with, and its types do not say so. */
function isPool(source: unknown): source is Pool & { readonly Client: MakeClient } {
  return typeof (source as { Client?: unknown } | null)?.Client === "function";
}

/** Without a word to the server, which may not answer. pg keeps its stream inside, and its types do not say so. */
export function hangUp(client: Client): void {
  const { connection } = client as unknown as { connection?: { stream: { destroy(): void } } };
  connection?.stream.destroy();
}

/** Whether an open connection keeps the process alive. pg has it, and its types do not say so. */
export function keepAlive(client: Client, isWanted: boolean): void {
  const stream = client as unknown as { ref(): void; unref(): void };
  if (isWanted) stream.ref();
  else stream.unref();
}
