import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { format } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type PostgresServer,
  startPostgres,
} from "../../packages/pg-adapter/test/support/postgres/server.ts";
import { hasPostgres } from "../../packages/pg-adapter/test/support/use-postgres.ts";
import { type Block, blocksFolder, root, writeBlocks } from "./blocks.js";

// Every ```ts block of the README and of docs/ is type-checked with the real compiler, run, and compared with the output
// that the page shows.
const blocks = writeBlocks();
const usesPg = ({ code }: Block): boolean => /from "pg"/.test(code);

// Blocks with pg find a server as pg finds one: by the environment.
let server: PostgresServer | undefined;
beforeAll(async () => {
  if (!hasPostgres || !blocks.some(usesPg)) return;
  server = await startPostgres();
  const { host, port, user, database } = server.address;
  const found = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGDATABASE: database };
  for (const [name, value] of Object.entries(found)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server?.stop();
});

test("README and guides have code", () => {
  expect(blocks.map(({ title }) => title)).toContainEqual(expect.stringMatching(/^README/));
  expect(blocks.map(({ title }) => title)).toContainEqual(expect.stringMatching(/^docs\/guides/));
});

test("all blocks type-check", () => {
  const compiler = join(root, "node_modules/.bin/tsc");
  const { stdout, status } = spawnSync(compiler, ["-p", blocksFolder, "--pretty", "false"], {
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

describe.each(blocks.filter(({ isTest }) => isTest))("the tests of $title", async ({ path }) => {
  await import(/* @vite-ignore */ path);
});

test.each(blocks.filter((block) => !block.isTest && (hasPostgres || !usesPg(block))))(
  "$title prints what the page says",
  async ({ path, prints }) => {
    expect(await printedBy(path)).toEqual(prints);
  },
);

/** Each block gets a core of its own, as it would in a process of its own. */
async function printedBy(path: Block["path"]): Promise<string[]> {
  vi.resetModules();
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    await import(/* @vite-ignore */ path);
    return log.mock.calls.flatMap((args) => format(...args).split("\n"));
  } finally {
    log.mockRestore();
  }
}
