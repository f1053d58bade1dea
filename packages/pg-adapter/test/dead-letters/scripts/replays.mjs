// Replays all; prints the id of each record as its handler runs. A record that runs in two processes at once breaks the
// primary key of the table `running`. With "hang" the first handler never returns.
import { resilient } from "@breakwater/core";
import { replay } from "@breakwater/core/dead-letters";
import { tableDeadLetters } from "@breakwater/pg-adapter";
import pg from "pg";

const [, , url, table, how] = process.argv;
const client = new pg.Client(url);
await client.connect();
const handler = async (_payload, { id }) => {
  process.stdout.write(`${id}\n`);
  if (how === "hang") await new Promise((resolve) => setTimeout(resolve, 1e9));
  await client.query("insert into running values ($1)", [id]);
  await client.query("delete from running where id = $1", [id]);
};
const policy = resilient({ name: "billing" });
const { failed } = await replay(policy, handler, { from: tableDeadLetters(url, { table }) });
await client.end();
process.exitCode = failed === 0 ? 0 : 3;
