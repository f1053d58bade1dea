// Gives up on two calls and comes to its end, as a cron job does: without a drain.
import { deadLetter, resilient } from "@breakwater/core";
import { tableDeadLetters } from "@breakwater/pg-adapter";

const [, , url, table] = process.argv;
const sink = tableDeadLetters(url, { table, createTable: true });
const letters = deadLetter({ sink, payload: (id) => id, redact: (text) => text });
const policy = resilient(letters, { name: "billing" });
const send = policy.wrap(async (id) => {
  throw new Error(`down for ${id}`);
});
for (const id of [1, 2]) await send(id).catch(() => {});
