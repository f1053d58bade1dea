// A process that takes a lock, and ends without a word.
import { pgLock } from "@breakwater/pg-adapter";

const [, , url, name] = process.argv;
const lock = await pgLock(url, name);
console.log(lock === undefined ? "taken" : "held");
