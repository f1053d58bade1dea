/** `pnpm bench`: measures, prints, and says with its exit code whether all goals are met. */
import { readArguments, WrongArguments } from "./arguments.mjs";
import { judge } from "./goals.mjs";
import { jobsFor, MeasurementFailed, run } from "./jobs.mjs";
import { asJson, asText } from "./report.mjs";

const EXIT = { allMet: 0, notAllMet: 1, wrongArguments: 2 };

/** @param {readonly string[]} argv */
async function main(argv) {
  if (globalThis.gc === undefined)
    throw new WrongArguments("The benchmark needs flags of Node.js: start it with `pnpm bench`.");
  const asked = await readArguments(argv);
  const { scenarios, json, effort } = asked;
  const jobs = jobsFor(asked);
  const results = await run(jobs, (job, done) =>
    progress(`${done + 1} of ${jobs.length}: ${job.kind} ${job.scenario}`),
  );
  progress("");
  const verdicts = judge(results);
  const rounds = effort.processes * effort.rounds;
  console.log(
    json ? asJson(results, verdicts, rounds) : asText(scenarios, results, verdicts, rounds),
  );
  return verdicts.every(({ met }) => met) ? EXIT.allMet : EXIT.notAllMet;
}

/** One line that is overwritten, for who sits before it. */
function progress(/** @type {string} */ text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isWrongArguments = error instanceof WrongArguments;
  if (!isWrongArguments && !(error instanceof MeasurementFailed)) throw error;
  console.error(error.message);
  process.exitCode = isWrongArguments ? EXIT.wrongArguments : EXIT.notAllMet;
}
