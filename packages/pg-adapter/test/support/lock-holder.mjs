// A process that takes a lock, says so, and works under it until it is told to end or is killed.
import { once } from "node:events";
import { pgLock } from "@breakwater/pg-adapter";

const [, , url, name] = process.argv;
const lock = await pgLock(url, name);
console.log(lock === undefined ? "taken" : "held");
if (lock !== undefined) await once(process.stdin.resume(), "end");
await lock?.release();
