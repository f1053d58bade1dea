import { parseArgs } from "node:util";
import { measurable } from "./jobs.mjs";

/** A typical run and a quick one; the quick one is for a look, its ratios scatter more. */
const FULL = { processes: 3, rounds: 4, slices: 7, sliceMs: 3 };
const QUICK = { processes: 1, rounds: 5, slices: 3, sliceMs: 2 };

/** @param {readonly string[]} argv */
export function readArguments(argv) {
  const { only, quick, json } = parse(argv);
  if (only !== undefined && !measurable.includes(only))
    throw new WrongArguments(`--only takes one of ${measurable.join(", ")}, not "${only}".`);
  return { only, json, effort: quick ? QUICK : FULL };
}

export class WrongArguments extends Error {}

/** @param {readonly string[]} argv */
function parse(argv) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        only: { type: "string" },
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    return values;
  } catch {
    throw new WrongArguments(
      `The benchmark takes --json, --quick and --only <scenario>, not "${argv.join(" ")}".`,
    );
  }
}
