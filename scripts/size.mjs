// pnpm size: what importing @breakwater/core weighs, minified, as a bundler would ship it.
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const core = fileURLToPath(new URL("../packages/core/src/", import.meta.url));
const FIVE = "circuitBreaker, retryBudget, retry, timeout, bulkhead, resilient";

const kB = (bytes) => `${(bytes / 1_000).toFixed(1)} kB`;

/** Of a module that does nothing but export these. */
async function weigh(exported) {
  const { outputFiles } = await build({
    stdin: { contents: `export ${exported} from "./index.js";`, resolveDir: core, loader: "ts" },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    external: ["reflect-metadata"],
    conditions: ["@breakwater/source"],
    logLevel: "warning",
  });
  const [{ contents }] = outputFiles;
  return `${kB(gzipSync(contents, { level: 9 }).length)} min+gzip, ${kB(contents.length)} min`;
}

console.log(`all of it: ${await weigh("*")}`);
console.log(`five parts and resilient: ${await weigh(`{ ${FIVE} }`)}`);
