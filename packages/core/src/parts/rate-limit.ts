import { Limiter, type LimiterHome, type RateRules } from "../guards/rate-limit.js";
import { Keyed, type Slot } from "../keys/keyed.js";
import { type Duration, formatDuration, LONGEST_TIMER_MS } from "../time/duration.js";
import { keyFields } from "./circuit-breaker.js";
import { FactSource } from "./facts.js";
import {
  decimal,
  duration,
  flag,
  integer,
  invalidSpec,
  issueOf,
  type Parsed,
  parseOptions,
  type Schema,
  text,
} from "./options.js";
import { StatefulPart } from "./part.js";

/** How many attempts may begin in a time. */
export interface RateLimitOptions {
  /** For errors, events and metrics. Default: the name of the first policy that uses it. */
  readonly name?: string;
  /** Attempts that may begin in a second, on average. Over 0, to 1,000,000; `0.1` is one in ten seconds. */
  readonly perSecond: number;
  /** Attempts that may begin at once. 1 to 1,000,000; default: those of one second, rounded up. */
  readonly burst?: number;
  /** A call may wait so long for its turn; else it is refused with `ERR_RATE_LIMITED`. 0 to 24.8 days; default 0. */
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

function rulesOf(options: Options): Options & RateRules {
  const { perSecond = 1, burst = Math.max(1, Math.ceil(perSecond)) } = options;
  return Object.freeze({ ...options, perSecond, burst });
}

/** A bounded rate: one limiter, or one for each key. Make it with `rateLimit`. */
export class RateLimit extends StatefulPart implements LimiterHome {
  readonly kind = "rateLimit";
  readonly facts: FactSource;
  rules: Options & RateRules;
  readonly #limiters: Keyed<Limiter>;

  #given: RateLimitOptions;

  constructor(given: RateLimitOptions, facts: FactSource = new FactSource()) {
    const options = parseOptions(rateLimitSchema, given);
    super(options.name);
    this.#given = given;
    this.facts = facts;
    this.rules = rulesOf(options);
    this.#limiters = new Keyed(
      () => new Limiter(this),
      () => this.rules,
      () => this.facts.tell("keys.overflowed", { guard: this.name, maxKeys: this.rules.maxKeys }),
    );
  }

  /** How many calls wait for their turn now, over all keys. */
  get queued(): number {
    let sum = 0;
    for (const limiter of this.#limiters.all()) sum += limiter.queued;
    return sum;
  }

  /**
   * Other options for all policies that share this rate limit. What has been used stays used.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC`; the rate limit then stays as it was.
   */
  retune(options: RateLimitOptions): void {
    const rules = rulesOf(parseOptions(rateLimitSchema, options));
    const hint = "Make another rate limit: what has been used is counted either by key or together";
    if (rules.perKey !== this.rules.perKey)
      throw invalidSpec([
        issueOf("rateLimit.perKey", String(this.rules.perKey), rules.perKey, hint),
      ]);
    const before = this.rules;
    this.#given = options;
    this.rules = rules;
    for (const limiter of this.#limiters.all()) limiter.retuned(before);
  }

  at(key: string | undefined): Slot<Limiter> {
    return this.#limiters.at(this.rules.perKey ? key : undefined);
  }

  protected another(): RateLimit {
    return new RateLimit(this.#given, this.facts);
  }

  reset(): void {
    for (const limiter of this.#limiters.all()) limiter.reset();
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
