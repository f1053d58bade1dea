import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 7,
  tests: "07-late-results.test.ts",
  caughtBy: "an outcome is heard by the state",
  file: "guards/circuit/closed.ts",
  find: "this.#circuit.state !== this || ",
  replace: "",
  because: "The late failure of an attempt that began before the circuit opened opens it again.",
};
