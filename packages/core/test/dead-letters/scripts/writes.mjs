import { fileDeadLetters } from "@breakwater/core/dead-letters";
import { writeUntilEnded } from "../../contracts/writes.mjs";

const [, , directory, pauseMs] = process.argv;
await writeUntilEnded(fileDeadLetters({ directory }), Number(pauseMs));
