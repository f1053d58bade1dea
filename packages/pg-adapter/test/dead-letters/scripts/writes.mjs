// Gives up on a call every `pauseMs` until somebody ends it; prints the id of each record once the table has it.
import { deadLetter, resilient } from "@breakwater/core";
import { tableDeadLetters } from "@breakwater/pg-adapter";

const [, , url, table, pauseMs] = process.argv;
const letters = deadLetter({
  sink: tableDeadLetters(url, { table, createTable: true }),
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
  await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
}
await policy.drain();
