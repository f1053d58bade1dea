// A job of some milliseconds with a log that folds for 10 s. Is what was folded said before it is gone?
import { circuitBreaker, logEvents, registry, resilient } from "../../../dist/index.js";

const lines = [];
const at = (level) => (line) => lines.push(`${level} ${line.msg.split(":")[0]}`);
logEvents(registry, { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") });

const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "job" });
const down = Object.assign(new Error("down"), { code: "ECONNRESET" });
for (let n = 0; n < 11; n++) await policy.execute(() => Promise.reject(down)).catch(() => {});
const lastCallMs = performance.now();
process.once("exit", () =>
  console.log(JSON.stringify({ lines, lingeredMs: performance.now() - lastCallMs })),
);
if (process.argv[2] === "by exit()") process.exit();
