// Runs the demo: pnpm demo. ../../demo.cjs has looked at the version of Node.js before.
import { constants } from "node:os";
import { EXIT, HELP, parseOptions, UsageError } from "./options.js";
import { play } from "./play/play.js";
import { run } from "./run.js";

// The processes that were started end with this one, and the cursor comes back.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
process.stdout.once("error", () => process.exit(EXIT.broken)); // whoever read this has gone

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) console.log(HELP);
  else return await (options.play ? play(options) : run(options));
  return 0;
}

function exitCodeOf(error: unknown): number {
  const { message } = error as Error;
  if (error instanceof UsageError) console.error(message);
  else console.error(`The demo could not go on: ${message}.`);
  return error instanceof UsageError ? EXIT.usage : EXIT.broken;
}

process.exitCode = await main().catch((error: unknown) => process.exit(exitCodeOf(error)));
