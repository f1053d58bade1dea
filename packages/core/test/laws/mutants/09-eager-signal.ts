import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 9,
  tests: "09-nothing-per-call.test.ts",
  caughtBy: "makes an AbortController for the calls",
  file: "engine/first-call.ts",
  find: "this.#signal = signal;",
  replace: "this.#signal = signal ?? new AbortController().signal;",
  because: "Every call makes an AbortController, whether or not its task reads the signal.",
};
