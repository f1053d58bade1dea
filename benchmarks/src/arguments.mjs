import { parseArgs } from "node:util";
import { SUITES, suiteNamed } from "./suites.mjs";

/** A typical run and a quick one; the quick one is for a look, its ratios scatter more. */
const FULL = { processes: 3, rounds: 4, slices: 7, sliceMs: 3 };
const QUICK = { processes: 1, rounds: 5, slices: 3, sliceMs: 2 };

/**
 * @typedef {object} Arguments
 * @property {string} suite
 * @property {import("./types.js").Suite["scenarios"]} scenarios
 * @property {import("./types.js").Suite["quiet"]} quiet
 * @property {string | undefined} only
 * @property {boolean} json
 * @property {import("./types.js").Effort} effort
 */

/**
 * @param {readonly string[]} argv
 * @returns {Promise<Arguments>}
 */
export async function readArguments(argv) {
  const { suite, only, quick, json } = parse(argv);
  if (!SUITES.includes(suite))
    throw new WrongArguments(`The benchmarks are ${SUITES.join(", ")}, not "${suite}".`);
  const { scenarios, quiet } = await suiteNamed(suite);
  const measurable = [...Object.keys(scenarios), "heap", "counts"];
  if (only !== undefined && !measurable.includes(only))
    throw new WrongArguments(`--only takes one of ${measurable.join(", ")}, not "${only}".`);
  return { suite, scenarios, quiet, only, json, effort: quick ? QUICK : FULL };
}

export class WrongArguments extends Error {}

/** @param {readonly string[]} argv */
function parse(argv) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        only: { type: "string" },
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    if (positionals.length <= 1) return { ...values, suite: positionals[0] ?? "core" };
  } catch {
    // Falls through to what it takes.
  }
  throw new WrongArguments(
    `The benchmark takes ${SUITES.join(" or ")}, --json, --quick and --only <scenario>, not "${argv.join(" ")}".`,
  );
}
