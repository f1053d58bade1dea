import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 1,
  tests: "01-exit-once.test.ts",
  caughtBy: "exits every pass exactly once",
  file: "engine/admit.ts",
  find: "pass.exit(NOT_RUN);",
  replace: "void pass;",
  because:
    "A refusal by a later guard keeps the passes of the earlier ones: their permits and probes are never given back.",
};
