import { fork } from "node:child_process";

/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").Timing} Timing */
/** @typedef {import("./types.js").Results} Results */

/**
 * @param {import("./arguments.mjs").Arguments} asked
 * @returns {Job[]}
 */
export function jobsFor({ suite, scenarios, quiet, only, effort: { processes, ...effort } }) {
  const wanted = (/** @type {string} */ name) => only === undefined || only === name;
  const raced = Object.keys(scenarios)
    .filter(wanted)
    .flatMap((scenario) => raceJobs(scenario, scenarios[scenario]?.alone ?? []));
  const races = Array.from({ length: processes }, () =>
    raced.map((job) => ({ ...job, ...effort })),
  ).flat();
  const heap = wanted("heap")
    ? quiet.flatMap((scenario) => heapJobs(scenario, scenarios[scenario]?.contestants ?? []))
    : [];
  const counts = wanted("counts")
    ? quiet.map((scenario) => ({ kind: /** @type {const} */ ("counts"), scenario }))
    : [];
  return [...races, ...heap, ...counts].map((job) => ({ ...job, suite }));
}

/**
 * One with all contestants, and one for each that is also measured alone.
 *
 * @param {string} scenario
 * @param {readonly string[]} alone
 */
function raceJobs(scenario, alone) {
  const job = { kind: /** @type {const} */ ("race"), scenario };
  return [job, ...alone.map((name) => ({ ...job, alone: name }))];
}

/**
 * @param {string} scenario
 * @param {readonly import("./types.js").Contestant[]} contestants
 */
function heapJobs(scenario, [, ...others]) {
  return others.map(({ name }) => ({
    kind: /** @type {const} */ ("heap"),
    scenario,
    contestant: name,
  }));
}

/**
 * One process after the other: two at once would disturb each other.
 *
 * @param {readonly Job[]} jobs
 * @param {(job: Job, done: number) => void} progress
 * @returns {Promise<Results>}
 */
export async function run(jobs, progress) {
  /** @type {Results} */
  const results = { timings: {}, heap: {}, counts: {} };
  for (const [done, job] of jobs.entries()) {
    progress(job, done);
    collect(results, job, await inChild(job));
  }
  return results;
}

/**
 * @param {Results} results
 * @param {Job} job
 * @param {any} measured What the module for this kind of job returns.
 */
function collect({ timings, heap, counts }, { kind, scenario }, measured) {
  if (kind === "heap") (heap[scenario] ??= []).push(measured);
  else if (kind === "counts") counts[scenario] = measured;
  else timings[scenario] = merged(timings[scenario] ?? [], measured);
}

/**
 * Another process of the same scenario adds its rounds.
 *
 * @param {readonly Timing[]} known
 * @param {readonly Timing[]} added
 */
function merged(known, added) {
  const all = new Map(known.map((timing) => [timing.contestant, timing]));
  for (const timing of added) {
    const earlier = all.get(timing.contestant) ?? { ...timing, ns: [], ratios: [] };
    const better = earlier.comparable ? timing : earlier;
    all.set(timing.contestant, {
      ...better,
      ns: [...earlier.ns, ...timing.ns],
      ratios: [...earlier.ratios, ...timing.ratios],
    });
  }
  return [...all.values()];
}

/**
 * @param {Job} job
 * @returns {Promise<unknown>}
 */
function inChild(job) {
  const child = fork(new URL("./child.mjs", import.meta.url), [JSON.stringify(job)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  return new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("error", reject);
    child.once("exit", (code) => reject(new MeasurementFailed(job, code)));
  });
}

/** What went wrong is on stderr: the child has said it. */
export class MeasurementFailed extends Error {
  /**
   * @param {Job} job
   * @param {number | null} code
   */
  constructor({ kind, scenario }, code) {
    super(`The process for ${kind} ${scenario} ended without a result, with exit code ${code}.`);
  }
}
