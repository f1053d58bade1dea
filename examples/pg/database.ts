/** The database of the example: yours if `DATABASE_URL` names one; else one of its own, which gets killed now and then. */
import { setTimeout as pause } from "node:timers/promises";
import { startPostgres } from "../../packages/pg-adapter/test/support/postgres/server.ts";

export interface Database {
  readonly url: string;
  /** How often its server was killed. */
  readonly kills: number;
  close(): Promise<void>;
}

/** Long enough for some work in between. */
const KILL_EVERY_MS = 700;

export async function openDatabase(): Promise<Database> {
  const given = process.env["DATABASE_URL"];
  return given === undefined ? openOwn() : { url: given, kills: 0, async close() {} };
}

async function openOwn(): Promise<Database> {
  const server = await startPostgres();
  const over = new AbortController();
  let kills = 0;
  const killing = (async () => {
    for (;;) {
      await pause(KILL_EVERY_MS, undefined, { signal: over.signal });
      kills++;
      await server.restart();
    }
  })().catch((error: unknown) => {
    if (!over.signal.aborted) throw error;
  });
  return {
    url: server.url,
    get kills() {
      return kills;
    },
    async close() {
      over.abort();
      await killing;
      await server.stop();
    },
  };
}
