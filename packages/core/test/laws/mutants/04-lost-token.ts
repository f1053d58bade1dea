import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 4,
  tests: "04-decide-before-sleep.test.ts",
  caughtBy: "gives back what was withdrawn",
  file: "engine/history.ts",
  find: "this.retry?.withdrawal?.refund();",
  replace: "",
  because: "A retry that never ran is paid for all the same.",
};
