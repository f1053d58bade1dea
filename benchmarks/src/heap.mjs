import { copyOfLoop, copyOfTask } from "./copies.mjs";
import { scenarioOf } from "./suites.mjs";
import { median } from "./statistics.mjs";

/** @typedef {import("./types.js").Contestant} Contestant */
/** @typedef {import("./types.js").Scenario} Scenario */

const WARM_UP_CALLS = 100_000;
const WARM_UP_MS = 500;
const MEASUREMENTS = 7;
/** Well below the 128 MB of the young generation, so that nothing is collected while we count. */
const BYTES = 16_000_000;
const MOST_CALLS = 50_000;

/**
 * What one contestant allocates per call, beyond the bare call, in a process where nothing else has run.
 *
 * @param {{ suite: string, scenario: string, contestant: string }} job
 * @returns {Promise<import("./types.js").Heap>}
 */
export async function heap(job) {
  const { contestant: wanted } = job;
  const scenario = await scenarioOf(job);
  const [bare] = scenario.contestants;
  const contestant = scenario.contestants.find((candidate) => candidate.name === wanted);
  const bareBytes = await bytesPerCall(/** @type {Contestant} */ (bare), scenario);
  const bytes = await bytesPerCall(/** @type {Contestant} */ (contestant), scenario);
  return { contestant: wanted, bytesOverBare: bytes - bareBytes };
}

/**
 * @param {Contestant} contestant
 * @param {Scenario} scenario
 */
async function bytesPerCall(contestant, scenario) {
  const { call } = /** @type {Required<Contestant>} */ (contestant).make(copyOfTask(scenario.task));
  const loop = copyOfLoop(scenario.loop);
  const until = performance.now() + WARM_UP_MS;
  for (let calls = 0; calls < WARM_UP_CALLS && performance.now() < until; calls += 100)
    await loop(call, 100);
  const calls = Math.min(MOST_CALLS, Math.round(BYTES / (await allocated(call, loop, 100))));
  const measured = [];
  for (let i = 0; i < MEASUREMENTS; i++) measured.push(await allocated(call, loop, calls));
  return median(measured);
}

/**
 * @param {() => Promise<unknown>} call
 * @param {ReturnType<typeof copyOfLoop>} loop
 * @param {number} calls
 */
async function allocated(call, loop, calls) {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  await loop(call, calls);
  return (process.memoryUsage().heapUsed - before) / calls;
}
