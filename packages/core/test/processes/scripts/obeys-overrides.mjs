// One call after the other, until standard input ends; a line whenever what they end with changes. With the argument
// `once`: one call, and nothing that would keep the process alive.
import { circuitBreaker, resilient } from "../../../dist/index.js";

const crm = resilient(circuitBreaker({ probes: 1 }), { name: "crm" });
const answer = () => crm.execute(async () => "fine").catch(({ code }) => code);

let last;
async function call() {
  const now = await answer();
  if (now !== last) console.log(JSON.stringify({ answer: now, at: Date.now() }));
  last = now;
}

await call();
if (process.argv[2] !== "once") {
  const calling = setInterval(() => void call(), 5);
  process.stdin.resume().once("end", () => clearInterval(calling));
}
