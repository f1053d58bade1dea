import { CALLS_PER_TURN, copyOfLoop, copyOfTask } from "./copies.mjs";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Scenario} Scenario */

const CALLS_TO_OPEN = 1_000;
/** Even, so that half of them may fail. */
const TURNS = { oneByOne: 100, oneByOneCaught: 100, thousandInFlight: 2 };
const TOLERANCE = 0.01;

/**
 * Runs a contestant before anything is measured, with a task that counts its runs, which would make the measured one
 * slower by a tenth of a bare call.
 *
 * @param {import("./types.js").Contestant} contestant
 * @param {Scenario} scenario
 * @returns {Promise<string | undefined>} Why it does not do what the scenario asks for, if so.
 */
export async function rehearse({ make, expected }, scenario) {
  let runs = 0;
  const { task } = copyOfTask(scenario.task);
  const counted = () => (runs++, task());
  const Service = class {
    async task() {
      return counted();
    }
  };
  const entry = /** @type {Entry} */ (make?.({ task: counted, Service }));
  await openIfWanted(entry, scenario);
  runs = 0;
  const turns = TURNS[scenario.loop];
  const failures = await copyOfLoop(scenario.loop)(entry.call, turns);
  const calls = turns * CALLS_PER_TURN[scenario.loop];
  const wanted = (expected ?? scenario.expected).runs;
  const wrong = objection(entry, scenario, expected, failures / calls);
  if (wrong !== undefined || near(runs / calls, wanted)) return wrong;
  return `the task runs ${(runs / calls).toFixed(2)} times a call, not ${wanted.toFixed(2)}`;
}

/**
 * By failing calls, as it would happen.
 *
 * @param {Entry} entry
 * @param {Scenario} scenario
 */
export async function openIfWanted({ call, isOpen }, { open }) {
  if (!open || isOpen === undefined) return;
  for (let i = 0; i < CALLS_TO_OPEN && !isOpen(); i++) await call().catch(() => {});
}

/**
 * What can be seen of a contestant from outside, at no cost for the measurement.
 *
 * @param {Entry} entry
 * @param {Scenario} scenario
 * @param {import("./types.js").PerCall | undefined} expected
 * @param {number} failuresPerCall
 */
export function objection({ isOpen }, scenario, expected, failuresPerCall) {
  const { failures } = expected ?? scenario.expected;
  if (isOpen !== undefined && isOpen() !== scenario.open)
    return `its circuit is ${scenario.open ? "not open" : "open"}`;
  if (near(failuresPerCall, failures)) return undefined;
  return `${failuresPerCall.toFixed(2)} of the calls fail, not ${failures.toFixed(2)}`;
}

/**
 * @param {number} value
 * @param {number} wanted
 */
const near = (value, wanted) => Math.abs(value - wanted) <= TOLERANCE;
