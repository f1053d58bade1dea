import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 2,
  tests: "02-refusals.test.ts",
  caughtBy: "a refusal never runs the task",
  file: "engine/admit.ts",
  find: 'import { NOT_RUN } from "../verdicts/verdict.js";',
  replace:
    'import { JUDGED } from "../verdicts/verdict.js"; const { transient: NOT_RUN } = JUDGED;',
  because: "A full bulkhead counts as a failure of the dependency and opens its circuit.",
};
