// Bundles each public entry point into single ESM files, with the parts of valibot that are used inlined.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const core = fileURLToPath(new URL("../packages/core/", import.meta.url));

/** Entry points share their state (clock, registry) through one chunk, so that `/testing` steers the clock of the main entry. */
export async function bundle() {
  const { name } = JSON.parse(readFileSync(`${core}package.json`, "utf8"));
  const result = await build({
    entryPoints: { index: `${core}src/index.ts`, "testing/index": `${core}src/testing/index.ts` },
    outdir: `${core}dist`,
    bundle: true,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node20.19",
    sourcemap: true,
    external: ["reflect-metadata", "vitest"],
    conditions: ["@breakwater/source"],
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  return { name, metafile: result.metafile };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
