// A failing call that nobody awaits, by each driver; and one whose circuit is open.
import { circuitBreaker, resilient, retry, timeout } from "../../../dist/index.js";

const boom = new Error("boom");
const seen = [];
process.on("unhandledRejection", (reason) => seen.push(reason));
const policies = {
  direct: () => resilient(circuitBreaker(), { name: "direct" }),
  drive: () => resilient(timeout("1s"), { name: "drive" }),
  retried: () => resilient(retry({ maxAttempts: 2, baseMs: 0 }), { name: "retried" }),
};
const task =
  process.argv[3] === "throws"
    ? () => {
        throw boom;
      }
    : async () => {
        throw boom;
      };
const policy =
  policies[process.argv[2]]?.() ??
  resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "open" });
if (process.argv[2] === "open") await policy.execute(task).catch(() => {});
void policy.execute(task);
setTimeout(
  () =>
    console.log(
      JSON.stringify({ times: seen.length, same: seen[0] === boom, code: seen[0]?.code }),
    ),
  50,
);
