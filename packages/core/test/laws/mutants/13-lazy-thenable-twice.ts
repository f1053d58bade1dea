import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 13,
  tests: "13-as-the-bare-call.test.ts",
  caughtBy: "begins a lazy thenable once",
  file: "engine/task.ts",
  find: "new Promise((resolve) => resolve(returned))",
  replace:
    "(Promise.resolve(returned).catch(() => {}), new Promise((resolve) => resolve(returned)))",
  because: "Listening twice to a lazy thenable runs its query twice.",
};
