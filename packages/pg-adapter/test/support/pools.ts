import {
  type EventOf,
  type EventType,
  type ResilienceEvent,
  retry,
  type Retry,
} from "@breakwater/core";
import pg from "pg";
import oldest from "pg-oldest";
import { onTestFinished } from "vitest";
import { resilienceOf, wrapPool } from "../../src/index.js";
import type { PgPart } from "../../src/index.js";

/** Both ends of what the package claims to work with; the types are those of the newest. */
export const VERSIONS = { newest: pg, oldest: oldest };
export type Version = keyof typeof VERSIONS;
export const BOTH: readonly Version[] = ["newest", "oldest"];

/** Retries that do not keep a test waiting. */
export const quickly = (maxAttempts = 3): Retry =>
  retry({ maxAttempts, baseMs: 5, jitter: "none" });

/** A pool that is ended with its test, by force if it must be. */
export function poolOf(version: Version, config: pg.PoolConfig): pg.Pool {
  const pool = new VERSIONS[version].Pool(config);
  onTestFinished(() => endOf(pool));
  return pool;
}

export function wrappedOf(version: Version, config: pg.PoolConfig, ...parts: PgPart[]): pg.Pool {
  return wrapPool(poolOf(version, config), ...parts);
}

async function endOf(pool: pg.Pool): Promise<void> {
  if (pool.ending) return;
  pool.on("error", () => {});
  const ended = pool.end();
  cutAll(pool);
  await Promise.race([ended, new Promise((resolve) => void setTimeout(resolve, 500))]);
}

/** A statement that somebody has to end. */
export const SLEEP = "select pg_sleep(60)";

/** Connections that somebody has, and who waits for one: [0, 0] of a pool that is whole. */
export function whole(pool: pg.Pool): number[] {
  return [pool.totalCount - pool.idleCount, pool.waitingCount];
}

/** All its connections, and the server is not told. */
export function cutAll(pool: pg.Pool): void {
  // oxlint-disable-next-line no-underscore-dangle -- so pg calls it
  const { _clients: all } = pool as unknown as {
    _clients: { connection: { stream: { destroy(): void } } }[];
  };
  for (const client of all) client.connection.stream.destroy();
}

/** What its policy reports from now on. */
export function eventsOf<T extends EventType>(pool: pg.Pool, ...types: readonly T[]): EventOf<T>[] {
  const heard: EventOf<T>[] = [];
  for (const type of types)
    onTestFinished(
      resilienceOf(pool)?.on(
        type,
        (event: ResilienceEvent) => void heard.push(event as EventOf<T>),
      ) ?? (() => {}),
    );
  return heard;
}

/** What a promise rejects with. */
// oxlint-disable-next-line typescript/no-explicit-any -- whatever was thrown: tests look at all of it
export async function rejectionOf(promise: Promise<unknown>): Promise<any> {
  return promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
