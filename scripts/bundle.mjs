// Bundles each public entry point into single ESM files, with the parts of valibot that are used inlined.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const packages = fileURLToPath(new URL("../packages/", import.meta.url));

/** What each package is entered by, and what it leaves to its users to install. */
const PACKAGES = {
  core: {
    entries: {
      index: "index.ts",
      "testing/index": "testing/index.ts",
      "dead-letters/index": "dead-letters/index.ts",
    },
    external: ["reflect-metadata", "vitest"],
  },
  "axios-adapter": { entries: { index: "index.ts" }, external: ["@breakwater/core", "axios"] },
  "pg-adapter": { entries: { index: "index.ts" }, external: ["@breakwater/core", "pg"] },
};

/** Entry points share their state (clock, registry) through one chunk, so that `/testing` steers the clock of the main entry. */
export async function bundle(name = "core") {
  const folder = `${packages}${name}/`;
  const { entries, external } = PACKAGES[name];
  const result = await build({
    entryPoints: Object.fromEntries(
      Object.entries(entries).map(([entry, file]) => [entry, `${folder}src/${file}`]),
    ),
    outdir: `${folder}dist`,
    bundle: true,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node20.19",
    sourcemap: true,
    external,
    conditions: ["@breakwater/source"],
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const packageName = JSON.parse(readFileSync(`${folder}package.json`, "utf8")).name;
  return { name: packageName, metafile: result.metafile };
}

export async function bundleAll() {
  for (const name of Object.keys(PACKAGES)) await bundle(name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleAll();
