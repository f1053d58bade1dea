import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 12,
  tests: "12-wall-clock.test.ts",
  caughtBy: "has no part in results",
  file: "guards/circuit/closed.ts",
  find: "clock.now() : clock.read()",
  replace: "clock.now() : clock.wallMs()",
  because: "How long an attempt took depends on whether somebody has set the clock meanwhile.",
};
