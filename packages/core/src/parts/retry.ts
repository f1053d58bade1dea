import type { Jitter } from "../retry/backoff.js";
import { type Duration, formatDuration, LONGEST_TIMER_MS } from "../time/duration.js";
import {
  duration,
  flag,
  integer,
  issueOf,
  oneOf,
  type Parsed,
  parseOptions,
  type Schema,
} from "./options.js";
import { Part } from "./part.js";

/** How often a call is attempted, and how long it waits in between. */
export interface RetryOptions {
  /** Attempts in all, the first one included. 1 to 100; default 3. */
  readonly maxAttempts?: number;
  /** The delay before attempt n + 1 grows with baseMs x 2^(n − 1). 0 to 24.8 days; default 200 ms. */
  readonly baseMs?: Duration;
  /** No delay is longer, but for what the dependency asks for. At least `baseMs`; default 20 s. */
  readonly maxMs?: Duration;
  /** How delays are spread, so that callers which failed together don't come back together. Default `'full'`. */
  readonly jitter?: Jitter;
  /** A dependency that asks for a longer wait is not waited for: the call fails now. 0 to 24.8 days; default 30 s. */
  readonly maxRetryAfterMs?: Duration;
  /** Repeat what a policy inside has already given up on. Default false: layers don't multiply. */
  readonly nested?: boolean;
}

const fields = {
  maxAttempts: integer(1, 100, 3, { meaning: "attempts in all, the first one included" }),
  baseMs: duration(0, LONGEST_TIMER_MS, 200, {
    meaning: "the delay before attempt n + 1 grows with baseMs x 2^(n − 1)",
  }),
  maxMs: duration(0, LONGEST_TIMER_MS, 20_000, {
    meaning: "no delay is longer, but for what the dependency asks for",
  }),
  jitter: oneOf(["none", "full", "equal", "decorrelated"], "full", {
    meaning: "how delays are spread",
  }),
  maxRetryAfterMs: duration(0, LONGEST_TIMER_MS, 30_000, {
    meaning: "a dependency that asks for longer is not waited for",
  }),
  nested: flag(false, { meaning: "repeat what a policy inside has already given up on" }),
} as const;

const retriesToAttempts = (value: unknown): string =>
  typeof value === "number"
    ? `maxAttempts: ${value + 1} (attempts in all)`
    : "maxAttempts (attempts in all)";

export const retrySchema: Schema<typeof fields> = {
  title: "retry",
  fields,
  peerNames: {
    retries: retriesToAttempts,
    maxRetries: retriesToAttempts,
    attempts: retriesToAttempts,
    numOfAttempts: () => "maxAttempts",
    limit: retriesToAttempts,
    minTimeout: () => "baseMs",
    initialDelay: () => "baseMs",
    startingDelay: () => "baseMs",
    delay: () => "baseMs",
    interval: () => "baseMs",
    maxTimeout: () => "maxMs",
    maxDelay: () => "maxMs",
    backoffLimit: () => "maxMs",
    randomize: (value) => (value === false ? "jitter: 'none'" : "jitter: 'full'"),
    backoff: () => "baseMs, maxMs and jitter",
    retryDelay: () => "baseMs, maxMs and jitter",
    maxRetryTime: () => "a part of its own: deadline('30s')",
    maxRetryAfter: () => "maxRetryAfterMs",
    retryCondition: () => "a part of its own: classify({ error })",
    budget: () => "a part of its own: retryBudget({ ratio: 0.2 })",
  },
  contradictions: ({ baseMs, maxMs }) =>
    baseMs > maxMs ? [issueOf("retry.baseMs", `at most maxMs (${maxMs})`, baseMs)] : [],
};

/** When to repeat a call. Make it with `retry`. */
export class Retry extends Part {
  readonly kind = "retry";
  readonly rules: Readonly<Parsed<typeof fields>>;

  /** @internal */
  readonly given: RetryOptions;

  constructor(options: RetryOptions) {
    super();
    this.given = options;
    this.rules = parseOptions(retrySchema, options);
  }

  describe(): string {
    const { maxAttempts, baseMs, maxMs, jitter, nested } = this.rules;
    if (maxAttempts === 1) return "1 attempt: no retries";
    const delays = `${formatDuration(baseMs)} doubling to ${formatDuration(maxMs)}, jitter ${jitter}`;
    return `${maxAttempts} attempts in all; delays from ${delays}${nested ? "; also of nested policies" : ""}`;
  }
}

/**
 * When to repeat a call. Without a `retryBudget` beside it the policy gets a budget of its own: retries never come
 * without a bound.
 *
 * Delay before attempt n + 1 = jitter over min(`maxMs`, `baseMs` x 2^(n − 1)), plus what the dependency asked for.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options.
 * @example
 * resilient(breaker, budget, retry({ maxAttempts: 5, baseMs: "100ms" }));
 */
export function retry(options: RetryOptions = {}): Retry {
  return new Retry(options);
}
