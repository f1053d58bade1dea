// Gives up on calls until the disk of its folder is full and two records more have been lost; makes room, gives up on one
// more. Prints what became of all that as JSON, with the content of the file that was written.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deadLetter, resilient } from "@breakwater/core";
import { fileDeadLetters } from "@breakwater/core/dead-letters";

const [, , directory] = process.argv;
const sink = fileDeadLetters({ directory: join(directory, "letters") });
const letters = deadLetter({
  sink,
  payload: (order) => ({ order, filling: "x".repeat(5_000) }),
  redact: (text) => text,
});
const policy = resilient(letters, { name: "billing" });
const own = new Error("my own");
const said = { written: [], failed: [], callsKeptTheirError: true };
let told = () => {};
policy.on("dead_letter.written", ({ id }) => told(said.written.push(id)));
policy.on("dead_letter.failed", ({ error, id }) =>
  told(said.failed.push({ code: error.code, id })),
);
const send = policy.wrap(() => Promise.reject(own));
const giveUp = async (order) => {
  await send(order).catch((error) => (said.callsKeptTheirError &&= error === own));
  await new Promise((resolve) => (told = resolve));
};

const other = join(directory, "other");
writeFileSync(other, "x".repeat(20_000));
for (let order = 0; said.failed.length < 2; order++) await giveUp(order);
rmSync(other);
await giveUp("after");
const [name] = readdirSync(join(directory, "letters"));
const { damaged, letters: stored } = await sink.list();
said.listed = [];
for await (const { record } of stored)
  said.listed.push({ id: record.id, order: record.payload.order });
console.log(
  JSON.stringify({
    ...said,
    damaged,
    text: readFileSync(join(directory, "letters", name), "utf8"),
  }),
);
