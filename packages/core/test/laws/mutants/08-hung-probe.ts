import type { Mutant } from "./mutant.js";

export const mutant: Mutant = {
  law: 8,
  tests: "08-nothing-sticks.test.ts",
  caughtBy: "however it got there, a circuit closes",
  file: "guards/circuit/half-open.ts",
  find: "this.#giveUpHungProbes();\n    if (this.#circuit.state !== this) return",
  replace: "if (this.#circuit.state !== this) return",
  because: "Probes that never return keep the circuit half-open for ever.",
};
