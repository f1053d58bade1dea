// Gives up on a call every `pauseMs` (0: many at once) until somebody ends it; prints the id of each record once the sink has it.
import { deadLetter, resilient } from "@breakwater/core";
import { fileDeadLetters } from "@breakwater/core/dead-letters";

const [, , directory, pauseMs] = process.argv;
const letters = deadLetter({
  sink: fileDeadLetters({ directory }),
  payload: (order) => ({ order, filling: "x".repeat(order % 3_000) }),
  redact: (text) => text,
});
const policy = resilient(letters, { name: "billing" });
policy.on("dead_letter.written", ({ id }) => process.stdout.write(`${id}\n`));
const send = policy.wrap(async () => {
  throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
});

const ending = new AbortController();
process.on("SIGTERM", () => ending.abort());
for (let order = 0; !ending.signal.aborted; order++) {
  await send(order).catch(() => {});
  if (pauseMs !== "0" || order % 5 === 0)
    await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
}
await policy.drain();
