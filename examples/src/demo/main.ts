// Runs the demo: pnpm demo. Nothing that an old Node.js cannot load is imported before its version is known.
import { constants } from "node:os";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const args = process.argv.slice(2);

if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Breakwater needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
} else if (args.some((arg) => arg !== "--json")) {
  fail("The demo takes no arguments but --json.");
} else {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal])); // the server ends with us
  process.stdout.once("error", () => process.exit(1)); // whoever read this has gone
  const { demo } = await import("./demo.js");
  await demo(args.includes("--json")).catch((error: Error) =>
    fail(`The demo could not go on: ${error.message}.`),
  );
}

function fail(sentence: string): void {
  console.error(sentence);
  process.exitCode = 1;
}
