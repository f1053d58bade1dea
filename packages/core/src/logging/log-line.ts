import { Readable } from "../errors/readable.js";
import type { ResilienceEvent, Severity } from "../events/catalog.js";
import { formatDuration } from "../time/duration.js";
import type { Folded } from "./fold.js";
import { sentenceOf } from "./sentences.js";

/**
 * Where lines go: a method for each level, which gets one object. `console` and pino are loggers as they are: `console`
 * prints the object's text, pino its fields, with the text as its message. Those that take the message first need a word
 * of translation.
 *
 * @example
 * const at = (level: string) => ({ msg, ...event }: LogLine) => winstonLogger.log(level, msg, event);
 * logEvents(registry, { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") });
 */
export interface Logger {
  error(line: LogLine): unknown;
  warn(line: LogLine): unknown;
  info(line: LogLine): unknown;
  debug(line: LogLine): unknown;
}

/** One line of a log: the event with its fields, and what it says. `String(line)` is `line.msg`. */
export type LogLine = ResilienceEvent & {
  /** The event as a sentence. */
  readonly msg: string;
  /** How often it has happened again since it was said; only on the line that says so. */
  readonly repeats?: number;
  toString(): string;
};

export const LEVELS: { readonly [S in Severity]: keyof Logger } = {
  error: "error",
  warning: "warn",
  info: "info",
  debug: "debug",
};

class Line extends Readable {
  readonly msg: string;

  constructor(msg: string, event: ResilienceEvent, repeats: number) {
    super();
    this.msg = msg;
    Object.assign(this, event, repeats === 0 ? {} : { repeats });
  }

  toString(): string {
    return this.msg;
  }
}

export function lineOf({ event, repeats, overMs }: Folded): LogLine {
  const sentence = sentenceOf(event);
  // A number of refusals says itself how many there were.
  const again =
    repeats === 0 || event.type === "call.refused"
      ? ""
      : ` (${repeats === 1 ? "once" : `${repeats} times`} more within ${formatDuration(overMs)})`;
  // It takes over the fields of the event; no class can extend a union of them.
  return new Line(`${sentence}${again}`, event, repeats) as unknown as LogLine;
}
