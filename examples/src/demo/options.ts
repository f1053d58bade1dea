import { parseArgs } from "node:util";

/** What the visitor has asked for. */
export interface Options {
  readonly play: boolean;
  readonly all: boolean;
  readonly json: boolean;
  readonly short: boolean;
  readonly help: boolean;
  readonly seed: number;
}

export const HELP = `A server browns out under three clients: bare, naive and annotated.

  npx -y pnpm@12.21.0 demo [options]

  --play     brown out, kill and heal the servers by key; switch clients
  --all      two more clients: the breaker alone, and the budget alone
  --json     only JSON on stdout: npx -y pnpm@12.21.0 --silent demo --json
  --short    13 seconds in place of 26
  --seed N   other chances: when calls come, how long work takes; else 1
  --help     this

Exit codes: 0 all claims held, or --play ended; 1 a claim failed; 2 not valid:
the machine was too busy to start calls on time; 64 wrong arguments; 70 it could
not go on.`;

/** What the process tells by its exit code. */
export const EXIT = { claimFailed: 1, notValid: 2, usage: 64, broken: 70 } as const;

export class UsageError extends Error {}

/** @throws UsageError with one sentence. */
export function parseOptions(args: readonly string[]): Options {
  const values = parsed(args);
  const { seed, play = false, json = false, short = false } = values;
  if (!/^\d{1,9}$/.test(seed))
    throw new UsageError(`--seed takes a whole number from 0 on, not ${seed}.`);
  if (play && (json || short))
    throw new UsageError(
      "--play is for a person at a terminal: it goes with neither --json nor --short.",
    );
  return { all: false, help: false, ...values, play, json, short, seed: Number(seed) };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        play: { type: "boolean" },
        all: { type: "boolean" },
        json: { type: "boolean" },
        short: { type: "boolean" },
        help: { type: "boolean" },
        seed: { type: "string", default: "1" },
      },
    }).values;
  } catch (error) {
    const [sentence] = (error as Error).message.split(/\.\s/);
    throw new UsageError(`${sentence}; --help lists what there is.`);
  }
}
