/**
 * A worker that takes jobs until it is told to stop, and then ends well: `node worker.ts`, and Ctrl-C or SIGTERM.
 * What runs has five seconds to end; what waits ends at once.
 */
import {
  bulkhead,
  circuitBreaker,
  isRefusal,
  resilient,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { startUpstream } from "./upstream.ts";

const upstream = await startUpstream({ answersAfterMs: 50 });
const crm = resilient(
  circuitBreaker(),
  retryBudget(),
  timeout("2s"),
  bulkhead({ limit: 5, queueLimit: 100, queueWaitMs: "10s" }),
  { name: "crm", idempotent: true },
);

let done = 0;
let returned = 0;

async function work(job: number): Promise<void> {
  try {
    await crm.execute(async ({ signal }) => {
      const response = await fetch(`${upstream.url}/jobs/${job}`, { method: "PUT", signal });
      await response.arrayBuffer();
      if (!response.ok) throw Object.assign(new Error("not done"), { status: response.status });
    });
    done++;
  } catch (error) {
    if (!isRefusal(error)) console.error(error);
    returned++; // a real queue would give it to somebody else
  }
}

const jobs: Promise<void>[] = [];
const taking = setInterval(() => jobs.push(work(jobs.length)), 5);
console.log("working; stop me with Ctrl-C");

const [signal] = await new Promise<[NodeJS.Signals]>((resolve) => {
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve([name]));
});
clearInterval(taking);
const report = await crm.drain({ graceMs: "5s" });
await Promise.all(jobs);
console.log(
  `${signal}: ${done} jobs done, ${returned} given back; at the end ${report.finished} were running, and ` +
    `${report.waitsRefused} waited`,
);
await upstream.close();
