import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 6,
  tests: "06-hooks-change-nothing.test.ts",
  caughtBy: "tells of what a listener threw or rejected",
  file: "events/delivery.ts",
  find: "if (result instanceof Promise) result.catch(failed);",
  replace: "",
  because: "An async listener that fails becomes an unhandled rejection, which ends the process.",
};
