import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 5,
  tests: "05-caller-aborts.test.ts",
  caughtBy: "is nobody's failure",
  file: "engine/outcome.ts",
  find: "JUDGED.timeout : JUDGED.aborted",
  replace: "JUDGED.timeout : JUDGED.transient",
  because: "Callers who give up open the circuit of a dependency that is well.",
};
