// A short job: a 30 s timeout, an open circuit, a listener. How long does the process live after its last call?
import { circuitBreaker, bulkhead, resilient, retryBudget, timeout } from "../../../dist/index.js";

const parts = [
  circuitBreaker({ consecutiveFailures: 2, openMs: "60s" }),
  retryBudget(),
  bulkhead({ limit: 5 }),
  timeout("30s"),
];
const policy = resilient(...parts, { name: "job" });
policy.on("*", () => {});
const failing = async () => {
  throw new Error("down");
};
await policy.execute(async () => "fine");
await policy.execute(failing).catch(() => {});
const refusal = await policy.execute(failing).catch((error) => error);
const lastCallMs = performance.now();
process.once("exit", () =>
  console.log(JSON.stringify({ code: refusal.code, lingeredMs: performance.now() - lastCallMs })),
);
