import * as v from "valibot";
import type { CircuitRules } from "../guards/circuit/rules.js";
import { type Duration, LONGEST_TIMER_MS } from "../time/duration.js";
import { keyFields } from "./key-fields.js";
import {
  duration,
  either,
  fieldOf,
  integer,
  isPlainObject,
  issueOf,
  type Parsed,
  type PeerNames,
  ratio,
  type Schema,
  schemaOf,
  text,
} from "./options.js";

/**
 * When to stop calling a dependency, and how to find out that it is well again.
 *
 * Attempts count, not calls. The first rule that is met opens the circuit and names the reason; all comparisons are
 * "at least". Without any rule, five failures in a row open it.
 */
export interface CircuitBreakerOptions {
  /** For errors, events and metrics. Default: the name of the first policy that uses it. */
  readonly name?: string;
  /** Open after so many failures in a row. 1 to 10,000; default 5, if no other rule is given. */
  readonly consecutiveFailures?: number;
  /** Open when this share of the window's attempts has failed. Above 0 to 1. */
  readonly failureRatio?: number;
  /** Open when this share of the window's attempts has timed out. Above 0 to 1. */
  readonly timeoutRatio?: number;
  /** An attempt that takes at least this long is slow. 1 ms to 24.8 days. */
  readonly slowCallMs?: Duration;
  /** Open when this share of the window's attempts was slow. Above 0 to 1; default 1. Needs `slowCallMs`. */
  readonly slowCallRatio?: number;
  /** What the ratios look at: the last `count` attempts or the last `ms`. Default `{ ms: 10_000 }`. */
  readonly window?: { readonly ms: Duration } | { readonly count: number };
  /** Ratios say nothing before so many attempts. 1 to 1,000,000; default 20 in a window of time, 10 in one of a count. */
  readonly minimumCalls?: number;
  /** How long the first opening lasts, ±20 %; each further one doubles. 1 ms to 24.8 days; default 15 s. */
  readonly openMs?: Duration;
  /** No opening lasts longer. At least `openMs`; default twice `openMs`. */
  readonly maxOpenMs?: Duration;
  /** How many attempts try the dependency when an opening is over. 1 to 1,000; default 3. */
  readonly probes?: number;
  /** The share of the probes that must succeed to close. Above 0 to 1; default 1. */
  readonly probeSuccessRatio?: number;
  /**
   * A probe that has not answered by then counts as failed. 1 ms to 24.8 days. Default: the attempt's timeout, else
   * the longest of the open time, 60 s and twice the longest success seen.
   */
  readonly probeMs?: Duration;
  /** How many keys have a circuit of their own; more share one. 1 to 1,000,000; default 10,000. */
  readonly maxKeys?: number;
  /** A key that was not asked for during this time, and whose circuit is closed and empty, is forgotten. Default 10 min. */
  readonly idleKeyMs?: Duration;
}

const DAYS_MS = LONGEST_TIMER_MS;
const windowMs = duration(10, DAYS_MS, undefined, { meaning: "" });
const windowCount = integer(1, 1_000_000, undefined, { meaning: "" });
const windowSchema = v.pipe(
  v.custom<{ ms: Duration } | { count: number }>(
    isWindow,
    "{ count: 1 to 1,000,000 } or { ms: 10 ms to 24.8 days }",
  ),
  v.transform((given) =>
    "count" in given ? given : { ms: v.parse(schemaOf(windowMs), given.ms) as number },
  ),
);

function isWindow(value: unknown): boolean {
  if (!isPlainObject(value) || Object.keys(value).length !== 1) return false;
  const { ms, count } = value;
  if (ms !== undefined) return v.is(schemaOf(windowMs), ms);
  return count !== undefined && v.is(schemaOf(windowCount), count);
}

const fields = {
  name: text({ meaning: "for errors, events and metrics", default: "the first policy's name" }),
  consecutiveFailures: integer(1, 10_000, undefined, {
    meaning: "open after so many failures in a row",
    default: "5, if no other rule is given",
  }),
  failureRatio: ratio("above 0", undefined, {
    meaning: "open when this share of the window's attempts has failed",
  }),
  timeoutRatio: ratio("above 0", undefined, {
    meaning: "open when this share of the window's attempts has timed out",
  }),
  slowCallMs: duration(1, DAYS_MS, undefined, {
    meaning: "an attempt that takes at least this long is slow",
  }),
  slowCallRatio: ratio("above 0", undefined, {
    meaning: "open when this share of the window's attempts was slow",
    default: "1",
  }),
  window: either(fieldOf(windowSchema), {
    type: "window",
    bounds: "{ count } or { ms }",
    default: "{ ms: 10000 }",
    meaning: "what the ratios look at",
  }),
  minimumCalls: integer(1, 1_000_000, undefined, {
    meaning: "ratios say nothing before so many attempts",
    default: "20 in time, 10 in count",
  }),
  openMs: duration(1, DAYS_MS, 15_000, {
    meaning: "how long the first opening lasts, ±20 %; each further one doubles",
  }),
  maxOpenMs: duration(1, DAYS_MS, undefined, {
    meaning: "no opening lasts longer",
    default: "twice openMs (30 s)",
  }),
  probes: integer(1, 1_000, 3, {
    meaning: "attempts that try the dependency when an opening is over",
  }),
  probeSuccessRatio: ratio("above 0", 1, {
    meaning: "the share of the probes that must succeed to close",
  }),
  probeMs: duration(1, DAYS_MS, undefined, {
    meaning: "a probe that has not answered by then counts as failed",
    default: "the attempt's timeout, else max(open time, 60 s, 2 x longest success)",
  }),
  ...keyFields,
} as const;

const peerNames: PeerNames = {
  resetTimeout: () => "openMs",
  halfOpenAfter: () => "openMs",
  breakDuration: () => "openMs",
  waitDurationInOpenState: () => "openMs",
  openStateDelay: () => "openMs",
  errorThresholdPercentage: percent("failureRatio"),
  failureRateThreshold: percent("failureRatio"),
  threshold: () => "consecutiveFailures: n, or failureRatio: 0..1",
  failureThreshold: () => "consecutiveFailures",
  maxFailures: () => "consecutiveFailures",
  volumeThreshold: () => "minimumCalls",
  minimumNumberOfCalls: () => "minimumCalls",
  minimumThroughput: () => "minimumCalls",
  minimumRps: () => "minimumCalls (a number of calls, not a rate)",
  rollingCountTimeout: (ms) => `window: { ms: ${String(ms)} }`,
  slidingWindowSize: (size) => `window: { count: ${String(size)} } or { ms: … }`,
  permittedNumberOfCallsInHalfOpenState: () => "probes",
  halfOpenMaxCalls: () => "probes",
  successThreshold: () => "probes with probeSuccessRatio",
  slowCallDurationThreshold: () => "slowCallMs",
  slowCallRateThreshold: percent("slowCallRatio"),
  timeout: () => "a part of its own: timeout('2s')",
  capacity: () => "a part of its own: bulkhead({ limit: n })",
  errorFilter: () => "a part of its own: classify({ error })",
};

function percent(ours: string): (value: unknown) => string {
  return (value) => (typeof value === "number" ? `${ours}: ${value / 100}` : ours);
}

export type ParsedCircuitBreakerOptions = Parsed<typeof fields>;

function at(field: keyof ParsedCircuitBreakerOptions): string {
  return `circuitBreaker.${field}`;
}

/** Also read by the reference and by the test that compares it with the documented defaults. */
export const circuitBreakerSchema: Schema<typeof fields> = {
  title: "circuitBreaker",
  fields,
  peerNames,
  contradictions(options) {
    const { openMs, maxOpenMs, slowCallMs, slowCallRatio, window, minimumCalls } = options;
    const issues = [];
    if (maxOpenMs !== undefined && maxOpenMs < openMs)
      issues.push(issueOf(at("maxOpenMs"), `at least openMs (${openMs})`, maxOpenMs));
    if (slowCallRatio !== undefined && slowCallMs === undefined)
      issues.push(
        issueOf(
          at("slowCallRatio"),
          "slowCallMs beside it",
          slowCallRatio,
          "Say from when on a call is slow",
        ),
      );
    if (!hasRatioRule(options) && (window !== undefined || minimumCalls !== undefined))
      issues.push(
        issueOf(
          at(window === undefined ? "minimumCalls" : "window"),
          "failureRatio, timeoutRatio or slowCallMs beside it",
          window ?? minimumCalls,
        ),
      );
    if (typeof window === "object" && "count" in window && (minimumCalls ?? 0) > window.count)
      issues.push(
        issueOf(at("minimumCalls"), `at most window.count (${window.count})`, minimumCalls),
      );
    return issues;
  },
};

function hasRatioRule({
  failureRatio,
  timeoutRatio,
  slowCallMs,
}: ParsedCircuitBreakerOptions): boolean {
  return failureRatio !== undefined || timeoutRatio !== undefined || slowCallMs !== undefined;
}

/** What the circuits go by: options with the defaults that depend on others. */
export function rulesOf(options: ParsedCircuitBreakerOptions): CircuitRules {
  const byRatio = hasRatioRule(options);
  const window = byRatio ? (options.window ?? { ms: 10_000 }) : undefined;
  const { openMs, probes, probeSuccessRatio } = options;
  return Object.freeze({
    consecutiveFailures: options.consecutiveFailures ?? (byRatio ? Infinity : 5),
    failureRatio: options.failureRatio ?? Infinity,
    timeoutRatio: options.timeoutRatio ?? Infinity,
    slowCallMs: options.slowCallMs ?? Infinity,
    slowCallRatio: options.slowCallMs === undefined ? Infinity : (options.slowCallRatio ?? 1),
    window,
    minimumCalls:
      options.minimumCalls ??
      (window !== undefined && "count" in window ? Math.min(10, window.count) : 20),
    openMs,
    maxOpenMs: options.maxOpenMs ?? Math.min(LONGEST_TIMER_MS, 2 * openMs),
    probes,
    probeSuccessRatio,
    probeMs: options.probeMs,
  });
}
