import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 10,
  tests: "10-alive-while-waiting.test.ts",
  caughtBy: "nothing keeps it alive",
  file: "time/system-clock.ts",
  find: "TICK_MS).unref()",
  replace: "TICK_MS)",
  because: "The clock's ticker keeps a process alive in which nothing waits.",
};
