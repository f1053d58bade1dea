import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 3,
  tests: "03-own-errors.test.ts",
  caughtBy: "rejects with the last error",
  file: "engine/run.ts",
  find: "if (thrown) this.reject(value);",
  replace: 'if (thrown) this.reject(new Error("failed", { cause: value }));',
  because: "The caller gets an error of ours instead of what the task threw.",
};
