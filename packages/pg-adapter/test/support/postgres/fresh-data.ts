import { randomUUID } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";

/** Runs a program as the server's user, who may not be ours. */
export type Run = (program: string, args: readonly string[]) => Promise<void>;

const MADE_BY_ANOTHER = new Set(["ENOTEMPTY", "EEXIST"]);

/**
 * The data of a new server. `initdb` takes a second, and a copy of what it has made a tenth of that: in a run of tests it
 * is made once, in the folder of the run, and copied.
 */
export async function makeFreshData(to: string, initdb: Run, copy: Run): Promise<void> {
  const folder = process.env["TEST_RUN_FOLDER"];
  if (folder === undefined || process.platform === "win32") return makeAt(to, initdb);
  await copy("cp", ["-R", await original(folder, initdb), to]);
}

/** Several test files may come at once: the first to end has made it for all. */
async function original(folder: string, initdb: Run): Promise<string> {
  const path = join(folder, "postgres-data");
  if (existsSync(path)) return path;
  const own = `${path}-${randomUUID()}`;
  await makeAt(own, initdb);
  try {
    renameSync(own, path);
  } catch (error) {
    if (!MADE_BY_ANOTHER.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  return path;
}

function makeAt(path: string, initdb: Run): Promise<void> {
  const flags = ["--no-sync", "--locale=C", "-E", "UTF8"];
  return initdb("initdb", ["-D", path, "-U", "postgres", "-A", "trust", ...flags]);
}
