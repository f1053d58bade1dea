// Nothing but a backoff holds this process: it must live to see the retry.
import { resilient, retry } from "../../../dist/index.js";

let runs = 0;
const policy = resilient(retry({ maxAttempts: 2, baseMs: 150, maxMs: 150, jitter: "none" }), {
  name: "patient",
});
void policy
  .execute(async () => {
    if (++runs < 2) throw new Error("down");
    return "fine";
  })
  .then((value) => console.log(JSON.stringify({ value, runs })));
