import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 11,
  tests: "11-timeouts-on-time.test.ts",
  caughtBy: "what expires during a stall is neutral",
  file: "engine/attempt.ts",
  find: "stalledMs === 0 && hadItsTime(scope.plan, this.limitMs ?? 0)",
  replace: "hadItsTime(scope.plan, this.limitMs ?? 0)",
  because: "A blocked event loop opens the circuits of dependencies that have answered.",
};
