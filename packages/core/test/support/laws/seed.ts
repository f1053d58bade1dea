import type { Parameters } from "fast-check";
import { vi } from "vitest";

/** The seed of a file's schedules: `BREAKWATER_SEED` repeats a run, otherwise it is new each time. Prints one line. */
export function lawSeed(law: string): number {
  const given = process.env["BREAKWATER_SEED"];
  const seed = given === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(given);
  console.log(`${law}: BREAKWATER_SEED=${seed}`);
  return seed;
}

/**
 * How the properties of one file are run: 500 schedules each. `BREAKWATER_RUNS` asks for another number, and for the
 * first counterexample as it is: whoever wants few runs wants to know whether a law breaks, not the smallest way to.
 */
export function lawRuns(
  law: string,
): Pick<Parameters<unknown>, "seed" | "numRuns" | "endOnFailure"> {
  vi.setConfig({ testTimeout: 600_000 });
  const given = process.env["BREAKWATER_RUNS"];
  return { seed: lawSeed(law), numRuns: Number(given ?? 500), endOnFailure: given !== undefined };
}
