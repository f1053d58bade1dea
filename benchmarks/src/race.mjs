import { warmUpSixShapes } from "./contestants/breakwater.mjs";
import { Runner } from "./runner.mjs";
import { scenarioOf } from "./suites.mjs";

/** @typedef {import("./types.js").Contestant} Contestant */
/** @typedef {import("./types.js").Timing} Timing */

/**
 * A harness of our own, because no library measures in interleaved rounds: each round runs every contestant, in a new
 * order, so that what slows the machine down for a while slows all of them down, and a ratio within one round means
 * something. The median over the rounds then forgets the rounds in which it did not.
 *
 * @param {{ suite: string, scenario: string, alone?: string } & import("./types.js").Rounds} job
 * @returns {Promise<Timing[]>}
 */
export async function race({ alone, ...job }) {
  const scenario = await scenarioOf(job);
  const contestants = scenario.contestants.filter(
    (contestant, i) => alone === undefined || i === 0 || contestant.name === alone,
  );
  if (alone === undefined) await warmUpSixShapes();
  const runners = contestants
    .filter(({ make }) => make !== undefined)
    .map((contestant) => new Runner(contestant, scenario, job));
  const rehearseAll = async () => {
    for (const runner of runners) await runner.rehearse();
  };
  if (alone === undefined) await rehearseAll();
  for (const runner of runners) await runner.warmUp();
  for (let round = 0; round < job.rounds; round++) await runRound(runners, job.slices);
  // Afterwards, because a second task is what this process must not have seen.
  if (alone !== undefined) await rehearseAll();
  const timings = contestants.map((contestant) => timingOf(contestant, runners));
  return alone === undefined
    ? timings
    : timings.slice(1).map((timing) => ({ ...timing, contestant: `${alone} (alone)` }));
}

/**
 * In slices, so that all contestants share what happens to the machine during the round.
 *
 * @param {readonly Runner[]} runners
 * @param {number} slices
 */
async function runRound(runners, slices) {
  for (let slice = 0; slice < slices; slice++)
    for (const runner of shuffled(runners)) await runner.measure(slice);
  for (const runner of runners) runner.endRound();
}

/**
 * @param {Contestant} contestant
 * @param {readonly Runner[]} runners
 * @returns {Timing}
 */
function timingOf(contestant, runners) {
  const runner = runners.find((candidate) => candidate.contestant === contestant);
  if (runner !== undefined) return runner.timing(runners[0]?.ns ?? []);
  const { name, note = "" } = contestant;
  return { contestant: name, ns: [], ratios: [], comparable: false, note };
}

/**
 * @template T
 * @param {readonly T[]} items
 * @returns {T[]}
 */
function shuffled(items) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const k = Math.floor(Math.random() * (i + 1));
    [order[i], order[k]] = /** @type {[T, T]} */ ([order[k], order[i]]);
  }
  return order;
}
