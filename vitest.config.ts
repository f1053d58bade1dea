import { availableParallelism } from "node:os";
import { transform } from "esbuild";
import { defineConfig, type Plugin } from "vitest/config";

const conditions = ["@breakwater/source"];
const resolve = { conditions };
const ssr = { resolve: { conditions } };
const legacy = { decorator: { legacy: true, emitDecoratorMetadata: true } };

/** vite's transformer (oxc) leaves standard decorators alone; esbuild lowers them. */
const standardDecorators: Plugin = {
  name: "standard-decorators",
  enforce: "pre",
  async transform(code, id) {
    if (!/\/test\/decorators\/.*\.ts$/.test(id)) return undefined;
    const out = await transform(code, {
      loader: "ts",
      target: "es2022",
      sourcemap: "external",
      sourcefile: id,
      tsconfigRaw: {},
    });
    return { code: out.code, map: out.map };
  },
};
/** What hangs is told; how long a thing takes says much about the machine, and little about us. */
const patience = { testTimeout: 60_000, hookTimeout: 120_000 };
const decorators = "packages/*/test/decorators/**/*.test.ts";

export default defineConfig({
  test: {
    coverage: { include: ["packages/*/src/**"], reporter: ["text", "json-summary"] },
    // The on-disk transform cache of vitest 5 does not notice changed tsconfig or plugin options.
    fsModuleCache: false,
    globalSetup: "scripts/test-setup.mjs",
    // Half of the tests wait for servers and processes.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: "core",
          ...patience,
          include: ["packages/*/test/**/*.test.ts"],
          exclude: [decorators],
          expect: { poll: { timeout: 20_000 } }, // on a busy machine a server takes its time
        },
      },
      {
        resolve,
        ssr,
        oxc: legacy,
        test: { name: "docs", ...patience, include: ["examples/test/**/*.test.ts"] },
      },
      {
        resolve,
        ssr,
        oxc: legacy,
        test: {
          name: "legacy-decorators",
          ...patience,
          include: [decorators],
          provide: { dialect: "legacy" },
        },
      },
      {
        resolve,
        ssr,
        plugins: [standardDecorators],
        test: {
          name: "standard-decorators",
          ...patience,
          include: [decorators],
          provide: { dialect: "standard" },
        },
      },
    ],
  },
});
