/** Two copies of the engine: as it is, and one to which nobody can listen. What tells them apart is what events cost. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** @typedef {import("../types.js").Contestant} Contestant */
/** @typedef {typeof import("@breakwater/core")} Core */

const ENTRY = fileURLToPath(new URL("../../../packages/core/src/index.ts", import.meta.url));
const WANTED = /get wanted\(\): boolean \{/;

/** @type {import("esbuild").Plugin} */
const deaf = {
  name: "deaf",
  setup(bundling) {
    bundling.onLoad({ filter: /events\/events\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      if (!WANTED.test(source)) throw new Error("Events has no getter `wanted` any more");
      return { contents: source.replace(WANTED, "$& return false;"), loader: "ts" };
    });
  },
};

/**
 * @param {readonly import("esbuild").Plugin[]} plugins
 * @param {string} [mark] Makes a module of its own of the same code.
 * @returns {Promise<Core>}
 */
async function copyOfEngine(plugins, mark = "") {
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    external: ["reflect-metadata"],
    conditions: ["@breakwater/source"],
    logLevel: "error",
    plugins: [...plugins],
  });
  const code = Buffer.from(`${outputFiles[0]?.text}//${mark}`).toString("base64");
  return import(`data:text/javascript;base64,${code}`);
}

/**
 * @param {string} name
 * @param {Core} core
 * @returns {Contestant}
 */
function contestant(name, { bulkhead, circuitBreaker, resilient }) {
  return {
    name,
    make({ task }) {
      const breaker = circuitBreaker({ failureRatio: 0.9, window: { ms: 10_000 }, openMs: "1h" });
      return { call: resilient(breaker, bulkhead({ limit: 1_000_000 })).wrap(task) };
    },
  };
}

export const withEvents = contestant("breakwater", await copyOfEngine([]));
export const withoutEvents = contestant("breakwater without events", await copyOfEngine([deaf]));
/** How far two engines lie apart that are the same. The first of a race would be compared under other conditions: bare is. */
export const again = contestant("the same again", await copyOfEngine([deaf], "again"));
