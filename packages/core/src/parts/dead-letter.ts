import * as v from "valibot";
import { type DeadLetterSink, Outbox } from "../engine/dead-letters/outbox.js";
import type { StoppedBy } from "../events/catalog.js";
import { type Duration, formatDuration, LONGEST_TIMER_MS } from "../time/duration.js";
import {
  duration,
  type Field,
  fieldOf,
  integer,
  type Parsed,
  parseOptions,
  type Schema,
  schemaOf,
  someOf,
} from "./options.js";
import { Part } from "./part.js";

/** The endings that a record may be wanted of. A call whose task has not run leaves none, whatever ended it. */
const ENDINGS = [
  "attempts",
  "budget",
  "deadline",
  "permanent",
  "refused",
  "nested",
  "unsafe",
  "hint",
  "drained",
  "ignored",
] as const satisfies readonly StoppedBy[];

/** Which calls leave a record, what is in it, and who keeps it. */
export interface DeadLetterOptions {
  /** Who keeps the records: `fileDeadLetters(…)`, or anything with `write(record)` and perhaps `flush()`. */
  readonly sink: DeadLetterSink;
  /**
   * What to run the call again with: gets the arguments of the call and returns what JSON can hold. Synchronous. For
   * `execute` it gets none: wrap a function instead.
   */
  readonly payload: (...args: never[]) => unknown;
  /** Each error message goes through it, whole. What it returns is cut to 200 characters and kept. */
  readonly redact: (text: string) => string;
  /** The endings that leave a record. Default attempts, budget, deadline, permanent, refused. */
  readonly on?: readonly (typeof ENDINGS)[number][];
  /** A larger payload is dropped, and told. 1 to 100,000,000 bytes of JSON; default 256,000. */
  readonly maxPayloadBytes?: number;
  /** So many records wait for the sink; what comes then is dropped, and told. 1 to 1,000,000; default 1,000. */
  readonly waitingLimit?: number;
  /** A write that has not been answered by then counts as failed. 1 ms to 24.8 days; default 10 s. */
  readonly writeMs?: Duration;
}

function required<Out>(
  check: (value: unknown) => boolean,
  what: string,
  meaning: string,
): Field<Out> {
  const schema = fieldOf(v.custom<Out>(check, what));
  const doc = {
    type: what.includes("function") ? "function" : "sink",
    bounds: "",
    default: "required",
    meaning,
  };
  return fieldOf(v.pipe(schemaOf(schema), v.metadata({ doc })));
}

const isFunction = (value: unknown): boolean => typeof value === "function";
const isSink = (value: unknown): boolean =>
  typeof value === "object" && value !== null && isFunction(Reflect.get(value, "write"));

const fields = {
  sink: required<DeadLetterSink>(
    isSink,
    "a sink: an object with write(record)",
    "who keeps the records",
  ),
  payload: required<DeadLetterOptions["payload"]>(
    isFunction,
    "a function of the call's arguments",
    "gets the arguments of the call, returns what to run it again with",
  ),
  redact: required<DeadLetterOptions["redact"]>(
    isFunction,
    "a function that takes a text and returns one",
    "each error message goes through it",
  ),
  on: someOf(ENDINGS, ["attempts", "budget", "deadline", "permanent", "refused"], {
    meaning: "the endings that leave a record",
  }),
  maxPayloadBytes: integer(1, 100_000_000, 256_000, {
    meaning: "a larger payload is dropped, and told",
  }),
  waitingLimit: integer(1, 1_000_000, 1_000, {
    meaning: "so many records wait for the sink; what comes then is dropped, and told",
  }),
  writeMs: duration(1, LONGEST_TIMER_MS, 10_000, {
    meaning: "a write that has not been answered by then counts as failed",
  }),
} as const;

export const deadLetterSchema: Schema<typeof fields> = {
  title: "deadLetter",
  fields,
  peerNames: {
    store: () => "sink",
    queue: () => "sink",
    body: () => "payload",
    serialize: () => "payload",
  },
};

/** Keeps a record of each call that was given up on. Make it with `deadLetter`. */
export class DeadLetter extends Part {
  readonly kind = "deadLetter";
  readonly given: DeadLetterOptions;
  readonly outbox: Outbox;
  readonly #rules: Parsed<typeof fields>;

  constructor(options: DeadLetterOptions) {
    super();
    this.given = options;
    this.#rules = parseOptions(deadLetterSchema, options);
    this.outbox = new Outbox({ ...this.#rules, on: new Set(this.#rules.on) });
  }

  describe(): string {
    const { on, waitingLimit, writeMs } = this.#rules;
    return `a record of calls that end by ${on.join(", ")}; at most ${waitingLimit} wait for the sink, each for ${formatDuration(writeMs)}`;
  }
}

/**
 * Keeps a record of each call that was given up on after its task ran, so that it can be found and run again: policy,
 * key, attempts with their verdicts, the error, and a payload made from its arguments.
 *
 * The sink never delays a call and never changes its result: the record is made as the call ends, and handed over in a
 * microtask. What hooks and sink throw becomes a `dead_letter.failed`. Without a fallback or with one: the call was
 * given up on.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options.
 * @example
 * const letters = deadLetter({
 *   sink: fileDeadLetters({ directory: "/var/lib/billing/dead-letters" }),
 *   payload: (order: Order) => ({ id: order.id }),
 *   redact: (text) => text.replaceAll(/Bearer \S+/g, "Bearer …"),
 * });
 */
export function deadLetter(options: DeadLetterOptions): DeadLetter {
  return new DeadLetter(options);
}
