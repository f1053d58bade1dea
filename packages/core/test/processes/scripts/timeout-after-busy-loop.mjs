// 300 ms of synchronous work, then a call with a 200 ms timeout whose task hangs: when does it time out?
import { resilient, timeout } from "../../../dist/index.js";

const policy = resilient(timeout(200), { name: "slow" });
await policy.execute(async () => "the clock is running");
const busyUntil = performance.now() + 300;
while (performance.now() < busyUntil);
const beganMs = performance.now();
const error = await policy.execute(() => new Promise(() => {})).catch((thrown) => thrown);
console.log(JSON.stringify({ code: error.code, tookMs: performance.now() - beganMs }));
