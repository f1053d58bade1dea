// 200 calls in a backoff, 50 in a queue and 20 that run; SIGTERM drains them. How does the process end?
import { bulkhead, explainError, resilient, retry, retryBudget } from "../../../dist/index.js";

const room = bulkhead({ limit: 20, queueLimit: 50, queueWaitMs: "10m" });
const backoff = retry({ maxAttempts: 3, baseMs: "10m", maxMs: "10m", jitter: "none" });
const budget = retryBudget({ ratio: 1, reserve: 0 });
const policy = resilient(room, backoff, budget, { name: "crm" });
const seen = {};
const count = (what) => (seen[what] = (seen[what] ?? 0) + 1);
const down = () => Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });

for (let n = 0; n < 200; n++) {
  const error = down();
  const call = policy.execute(() => Promise.reject(error));
  call.catch((thrown) => count(thrown === error && explainError(error).stoppedBy));
  if (n % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
}
const untilAborted = ({ signal }) =>
  new Promise((_, reject) => {
    const socket = setInterval(() => {}, 60_000);
    signal.addEventListener("abort", () => {
      clearInterval(socket);
      reject(signal.reason);
    });
  });
const quick = () => new Promise((resolve) => setTimeout(resolve, 30, "fine"));
for (let n = 0; n < 20; n++)
  policy.execute(n < 15 ? quick : untilAborted).then(count, ({ code }) => count(`running ${code}`));
for (let n = 0; n < 50; n++) policy.execute(quick).then(count, ({ code }) => count(code));

const drain = async () => {
  const report = await policy.drain({ graceMs: 200 });
  const late = await policy.execute(quick).catch(({ code, isRefusal }) => ({ code, isRefusal }));
  const endedMs = performance.now();
  process.once("exit", () => {
    const lingeredMs = performance.now() - endedMs;
    console.log(JSON.stringify({ report, seen, late, lingeredMs }));
  });
};
process.once("SIGTERM", () => void drain());
process.kill(process.pid, "SIGTERM");
