/** Measures one thing in a process of its own, whose compiled code nothing else has shaped. Started by jobs.mjs. */
import { counts } from "./counts.mjs";
import { heap } from "./heap.mjs";
import { race } from "./race.mjs";

/** @param {import("./types.js").Job} job */
function measure(job) {
  if (job.kind === "race") return race(job);
  return job.kind === "heap" ? heap(job) : counts(job);
}

const result = await measure(JSON.parse(process.argv[2] ?? "{}"));
// Some contestants have timers that would keep this process alive.
process.send?.(result, undefined, undefined, () => process.exit(0));
