import { Limiter, type LimiterHome, type RateRules } from "../guards/rate-limit.js";
import { type Duration, formatDuration, LONGEST_TIMER_MS } from "../time/duration.js";
import { keyFields } from "./key-fields.js";
import type { FactSource } from "./facts.js";
import { KeyedPart } from "./keyed-part.js";
import {
  decimal,
  duration,
  flag,
  integer,
  type Parsed,
  parseOptions,
  type Schema,
  text,
} from "./options.js";

/** How many attempts may begin in a time. */
export interface RateLimitOptions {
  /** For errors, events and metrics. Default: the name of the first policy that uses it. */
  readonly name?: string;
  /** Attempts that may begin in a second, on average. Over 0, to 1,000,000; `0.1` is one in ten seconds. */
  readonly perSecond: number;
  /** Attempts that may begin at once. 1 to 1,000,000; default: those of one second, rounded up. */
  readonly burst?: number;
  /** A call may wait so long for its turn; else it is refused with `ERR_RATE_LIMITED`. 0 to 24.8 days; default 0 ms. */
  readonly waitMs?: Duration;
  /** A rate for each key, instead of one for all. Default false. */
  readonly perKey?: boolean;
  /** How many keys have a rate of their own; more share one. 1 to 1,000,000; default 10,000. */
  readonly maxKeys?: number;
  /** A key that was not asked for during this time is forgotten. Default 10 min. */
  readonly idleKeyMs?: Duration;
}

const fields = {
  name: text({ meaning: "for errors, events and metrics", default: "the first policy's name" }),
  perSecond: decimal(0, 1_000_000, {
    meaning: "attempts that may begin in a second",
    default: "required",
  }),
  burst: integer(1, 1_000_000, undefined, {
    meaning: "attempts that may begin at once",
    default: "those of one second, rounded up",
  }),
  waitMs: duration(0, LONGEST_TIMER_MS, 0, { meaning: "a call may wait so long for its turn" }),
  perKey: flag(false, { meaning: "a rate for each key, instead of one for all" }),
  ...keyFields,
} as const;

type Options = Parsed<typeof fields>;

export const rateLimitSchema: Schema<typeof fields> = {
  title: "rateLimit",
  fields,
  peerNames: {
    limit: () => "perSecond",
    rps: () => "perSecond",
    requestsPerSecond: () => "perSecond",
    maxRPS: () => "perSecond",
    limitForPeriod: () => "burst, with perSecond for the rate",
    tokensPerInterval: () => "perSecond",
    bucketSize: () => "burst",
    timeoutDuration: () => "waitMs",
  },
  contradictions: ({ perSecond }) =>
    perSecond === undefined
      ? [{ path: "rateLimit.perSecond", expected: "a number over 0", received: "undefined" }]
      : [],
};

function rulesOf(given: RateLimitOptions): Options & RateRules {
  const options = parseOptions(rateLimitSchema, given);
  const { perSecond = 1, burst = Math.max(1, Math.ceil(perSecond)) } = options;
  return Object.freeze({ ...options, perSecond, burst });
}

/** A bounded rate: one limiter, or one for each key. Make it with `rateLimit`. */
export class RateLimit
  extends KeyedPart<RateLimitOptions, Options & RateRules, Limiter>
  implements LimiterHome
{
  readonly kind = "rateLimit";

  constructor(given: RateLimitOptions, facts?: FactSource) {
    super(rulesOf, given, facts);
  }

  protected newCell(): Limiter {
    return new Limiter(this);
  }

  protected another(facts: FactSource): RateLimit {
    return new RateLimit(this.given, facts);
  }

  reset(): void {
    for (const limiter of this.cells.all()) limiter.reset();
  }

  describe(): string {
    const { perSecond, burst, waitMs, perKey } = this.rules;
    const wait = waitMs === 0 ? "" : `; calls wait for up to ${formatDuration(waitMs)}`;
    return `${perSecond} attempts a second${perKey ? " for each key" : ""}, ${burst} at once${wait}`;
  }
}

/**
 * Bounds how many attempts begin in a time, so that this process stays within what a dependency allows it. A refused
 * call is told exactly when to ask again.
 *
 * In any t milliseconds at most `burst + perSecond x t / 1000` attempts begin.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options.
 * @example
 * resilient(breaker, budget, rateLimit({ perSecond: 50, burst: 10, waitMs: "1s" }));
 */
export function rateLimit(options: RateLimitOptions): RateLimit {
  return new RateLimit(options);
}
