// What a subscriber throws would be an uncaught exception, if Node.js called it.
import { subscribe } from "node:diagnostics_channel";
import { registry, resilient } from "../../../dist/index.js";

const told = [];
registry.on("hook.failed", ({ error }) => told.push(error.message));
subscribe("breakwater", () => {
  throw new Error("a bug in a subscriber");
});
const value = await resilient({ name: "job" }).execute(async () => "fine");
setTimeout(() => console.log(JSON.stringify({ value, told })), 20);
