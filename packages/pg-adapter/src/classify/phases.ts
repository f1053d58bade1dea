import type { Phase } from "./judge.js";

const phases = new WeakMap<object, Phase>();

/** Notes where an error arose, for who judges it later. */
export function markPhase(error: unknown, phase: Phase): void {
  if (typeof error === "object" && error !== null) phases.set(error, phase);
}

/** An error that nobody has marked is of work that cannot be seen through. */
export function phaseOf(error: unknown): Phase {
  return (typeof error === "object" && error !== null && phases.get(error)) || "transaction";
}
