// Gives up on two calls and exits at once, as a cron job does.
import { deadLetter, resilient } from "@breakwater/core";
import { fileDeadLetters } from "@breakwater/core/dead-letters";

const [, , directory] = process.argv;
const sink = fileDeadLetters({ directory });
const letters = deadLetter({ sink, payload: (id) => id, redact: (text) => text });
const policy = resilient(letters, { name: "billing" });
const send = policy.wrap(async (id) => {
  throw new Error(`down for ${id}`);
});
await send(1).catch(() => {});
await send(2).catch(() => process.exit(3));
