import { type BulkheadRules, Room, type RoomHome } from "../guards/bulkhead/room.js";
import { type Duration, formatDuration, LONGEST_TIMER_MS } from "../time/duration.js";
import { keyFields } from "./key-fields.js";
import type { FactSource } from "./facts.js";
import { KeyedPart } from "./keyed-part.js";
import {
  duration,
  flag,
  integer,
  type Parsed,
  parseOptions,
  type Schema,
  text,
} from "./options.js";

/** How many attempts may run at once. */
export interface BulkheadOptions {
  /** For errors, events and metrics. Default: the name of the first policy that uses it. */
  readonly name?: string;
  /** Attempts that may run at once; more are refused with `ERR_BULKHEAD_FULL`. 1 to 1,000,000. */
  readonly limit: number;
  /**
   * Calls that may wait for room, first in, first out; more are refused with `ERR_BULKHEAD_FULL`. 0 to 1,000,000;
   * default 0. A probe never waits.
   */
  readonly queueLimit?: number;
  /** A call that has waited so long is refused with `ERR_QUEUE_TIMEOUT`. 1 ms to 24.8 days; default 1 s. */
  readonly queueWaitMs?: Duration;
  /** Work that goes on so long after its timeout or abort no longer counts. 1 ms to 24.8 days; default 30 s. */
  readonly abandonMs?: Duration;
  /** A limit for each key, instead of one for all. Default false. */
  readonly perKey?: boolean;
  /** How many keys have a limit of their own; more share one. 1 to 1,000,000; default 10,000. */
  readonly maxKeys?: number;
  /** A key that was not asked for during this time, and has nothing running, is forgotten. Default 10 min. */
  readonly idleKeyMs?: Duration;
}

const fields = {
  name: text({ meaning: "for errors, events and metrics", default: "the first policy's name" }),
  limit: integer(1, 1_000_000, undefined, {
    meaning: "attempts that may run at once",
    default: "required",
  }),
  queueLimit: integer(0, 1_000_000, 0, { meaning: "calls that may wait for room" }),
  queueWaitMs: duration(1, LONGEST_TIMER_MS, 1_000, {
    meaning: "a call that has waited so long is refused",
  }),
  abandonMs: duration(1, LONGEST_TIMER_MS, 30_000, {
    meaning: "work that goes on so long after its timeout or abort no longer counts",
  }),
  perKey: flag(false, { meaning: "a limit for each key, instead of one for all" }),
  ...keyFields,
} as const;

type Options = Omit<Parsed<typeof fields>, "limit"> & BulkheadRules;

export const bulkheadSchema: Schema<typeof fields> = {
  title: "bulkhead",
  fields,
  peerNames: {
    capacity: () => "limit",
    concurrency: () => "limit",
    concurrencyLimit: () => "limit",
    concurrentSize: () => "limit",
    maxConcurrent: () => "limit",
    maxConcurrentCalls: () => "limit",
    queue: () => "queueLimit",
    queueSize: () => "queueLimit",
    maxQueue: () => "queueLimit",
    maxWaitDuration: () => "queueWaitMs",
  },
  contradictions: ({ limit }) =>
    limit === undefined
      ? [
          {
            path: "bulkhead.limit",
            expected: "a whole number from 1 to 1000000",
            received: "undefined",
          },
        ]
      : [],
};

function rulesOf(given: BulkheadOptions): Options {
  return parseOptions(bulkheadSchema, given) as Options;
}

/** Bounded concurrency: one room, or one for each key. Make it with `bulkhead`. */
export class Bulkhead extends KeyedPart<BulkheadOptions, Options, Room> implements RoomHome {
  readonly kind = "bulkhead";

  constructor(given: BulkheadOptions, facts?: FactSource) {
    super(rulesOf, given, facts);
  }

  /** How many attempts run now, over all keys. */
  get inFlight(): number {
    let sum = 0;
    for (const room of this.cells.all()) sum += room.inFlight;
    return sum;
  }

  abandoned({ key }: Room, ranForMs: number): void {
    this.facts.tell("attempt.abandoned", {
      guard: this.name,
      ranForMs,
      ...(key === undefined ? {} : { key }),
    });
  }

  protected newCell(key: string | undefined): Room {
    return new Room(this, key);
  }

  protected another(facts: FactSource): Bulkhead {
    return new Bulkhead(this.given, facts);
  }

  /** Running work keeps its permits; work that has outlived its attempt is given up. */
  reset(): void {
    for (const room of this.cells.all()) room.giveUpOverstays();
  }

  describe(): string {
    const { limit, queueLimit, queueWaitMs, perKey, abandonMs } = this.rules;
    const queue =
      queueLimit === 0
        ? ""
        : `; ${queueLimit === 1 ? "1 call waits" : `${queueLimit} calls wait`} for up to ${formatDuration(queueWaitMs)}`;
    return `${limit === 1 ? "1 attempt" : `${limit} attempts`} at once${perKey ? " for each key" : ""}${queue}; work abandoned after ${formatDuration(abandonMs)} beyond its limit`;
  }
}

/**
 * Bounds how many attempts run at once, so that a slow dependency cannot take the whole process with it. Work that goes
 * on after its timeout keeps its permit, as the dependency is still busy with it.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options.
 * @example
 * resilient(breaker, budget, bulkhead({ limit: 20 }));
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return new Bulkhead(options);
}
