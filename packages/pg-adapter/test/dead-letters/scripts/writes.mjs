import { tableDeadLetters } from "@breakwater/pg-adapter";
import { writeUntilEnded } from "../../../../core/test/contracts/writes.mjs";

const [, , url, table, pauseMs] = process.argv;
await writeUntilEnded(tableDeadLetters(url, { table, createTable: true }), Number(pauseMs));
