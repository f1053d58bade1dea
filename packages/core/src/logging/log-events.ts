import { callSafely } from "../events/delivery.js";
import { hub } from "../events/hub.js";
import type { Watchable } from "../events/listeners.js";
import { duration, parseOptions, type Schema } from "../parts/options.js";
import { tellFolded } from "../policy/registry.js";
import { type Duration, LONGEST_TIMER_MS } from "../time/duration.js";
import { Fold, type Folded } from "./fold.js";
import { LEVELS, lineOf, type Logger } from "./log-line.js";

/** How events become lines. */
export interface LogEventsOptions {
  /** What happens again within this time is counted, and said once with its number. 1 ms to 24.8 days; default 10 s. */
  readonly foldMs?: Duration;
}

const fields = {
  foldMs: duration(1, LONGEST_TIMER_MS, 10_000, {
    meaning: "what happens again within this time is counted, and said once with its number",
  }),
} as const;

export const logEventsSchema: Schema<typeof fields> = {
  title: "logEvents",
  fields,
  peerNames: {},
};

const unfinished = new Set<Fold>();
let heedsExit = false;

/**
 * Writes a line for each event that `'*'` hears, of a policy or of all: at the level of its severity, as a sentence and
 * with the event's fields. What happens again within `foldMs` is counted, and said once more with its number.
 *
 * What is counted is also said when the process ends by itself or by `process.exit()`; not when a signal or a crash ends
 * it. No timer of it keeps the process alive. What the logger throws becomes a `hook.failed`, and changes nothing.
 *
 * @returns the function that ends it; what has been counted by then is said.
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options.
 * @example
 * logEvents(registry, console); // or pino()
 * // circuit crm opened: 5 failures in a row (consecutiveFailures); calls are refused for 15 s
 */
export function logEvents(
  watched: Watchable,
  logger: Logger,
  options: LogEventsOptions = {},
): () => void {
  const { foldMs } = parseOptions(logEventsSchema, options);
  const fold = new Fold(foldMs, (folded) => say(logger, folded), tellFolded);
  const off = watched.on("*", (event) => fold.add(event));
  sayBeforeExit(fold);
  return () => {
    fold.end();
    unfinished.delete(fold);
    off();
  };
}

function say(logger: Logger, folded: Folded): void {
  const { event } = folded;
  const level = LEVELS[event.severity];
  callSafely(
    () => logger[level](lineOf(folded)),
    event,
    (error) => hub.failed(event, error),
  );
}

/** One handler for all. The first event lets a logger that writes later do so, the second also comes on `process.exit()`. */
function sayBeforeExit(fold: Fold): void {
  unfinished.add(fold);
  if (heedsExit) return;
  heedsExit = true;
  for (const ending of ["beforeExit", "exit"] as const)
    process.on(ending, () => {
      for (const log of unfinished) log.flush();
    });
}
