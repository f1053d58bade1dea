import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vitest/config";
import { MUTANTS } from "./index.js";
import type { Mutant } from "./mutant.js";

// One project for each mutant: the tests of its law, on a source in which it is planted.

const conditions = ["@breakwater/source"];

/** Replaces the text when its file is loaded; the file itself stays as it is. */
function plant({ file, find, replace }: Mutant): Plugin {
  return {
    name: "plant-mutant",
    enforce: "pre",
    transform: (code, id) =>
      id.endsWith(`/src/${file}`) ? code.replace(find, () => replace) : undefined,
  };
}

export default defineConfig({
  root: fileURLToPath(new URL("../../../../..", import.meta.url)),
  test: {
    fsModuleCache: false,
    projects: MUTANTS.map((mutant) => ({
      plugins: [plant(mutant)],
      resolve: { conditions },
      ssr: { resolve: { conditions } },
      test: { name: `law ${mutant.law}`, include: [`packages/core/test/laws/${mutant.tests}`] },
    })),
  },
});
