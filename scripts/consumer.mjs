// A folder as a user has it: our packages as they would be published, what they stand beside, and nothing else of ours.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bundle } from "./bundle.mjs";

export const run = promisify(execFile);
const root = fileURLToPath(new URL("../", import.meta.url));

/** The compilers that we promise to work with, by line. */
export const TYPESCRIPT = { 5.9: "5.9.3", "6.0": "6.0.3", "7.0": "7.0.2" };

/** Each under a name of its own, side by side. */
export const compilers = Object.fromEntries(
  Object.entries(TYPESCRIPT).map(([line, exact]) => [
    `typescript-${line}`,
    `npm:typescript@${exact}`,
  ]),
);

/**
 * @param {string} dir
 * @param {string} line Of TypeScript.
 * @param {string} project The configuration of the project, in that folder.
 */
export async function compile(dir, line, project) {
  const tsc = join(dir, `node_modules/typescript-${line}/bin/tsc`);
  await run(process.execPath, [tsc, "-p", project], { cwd: dir });
}

/**
 * @param {string} dir
 * @param {readonly string[]} packages Folders of packages; what one needs must stand before it.
 * @param {Record<string, string>} others Names and exact versions.
 */
export async function makeConsumer(dir, packages, others) {
  const ours = {};
  for (const name of packages) Object.assign(ours, await packed(dir, name));
  await writeFile(
    join(dir, "package.json"),
    JSON.stringify({
      private: true,
      type: "module",
      dependencies: { ...others, ...ours },
      overrides: Object.fromEntries(Object.keys(ours).map((name) => [name, `$${name}`])),
    }),
  );
  await install(dir);
}

/** What its package.json says, with other versions of some packages. */
export async function install(dir, ...others) {
  const quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", ...quietly, ...others], { cwd: dir });
}

/** By pnpm, which writes versions where the workspace has none. */
async function packed(dir, name) {
  const folder = join(root, "packages", name);
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b", folder]);
  await bundle(name);
  const { stdout } = await run(
    "npx",
    ["-y", "pnpm@12.21.0", "pack", "--json", "--pack-destination", dir],
    {
      cwd: folder,
    },
  );
  const { name: packageName, filename } = JSON.parse(stdout);
  return { [packageName]: `file:${filename}` };
}
