// Replays all; prints the id of each record as its handler runs. With "hang" the first handler never returns.
import { resilient } from "@breakwater/core";
import { fileDeadLetters, replay } from "@breakwater/core/dead-letters";

const [, , directory, how] = process.argv;
const handler = async (_payload, { id }) => {
  process.stdout.write(`${id}\n`);
  if (how === "hang") await new Promise((resolve) => setTimeout(resolve, 1e9));
};
await replay(resilient({ name: "billing" }), handler, { from: fileDeadLetters({ directory }) });
