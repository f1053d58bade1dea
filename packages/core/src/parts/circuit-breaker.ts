import * as v from "valibot";
import type { EventDetails } from "../events/catalog.js";
import { Circuit } from "../guards/circuit/circuit.js";
import type { CircuitHome, SavedCircuit, Transition } from "../guards/circuit/machine.js";
import type { CircuitRules } from "../guards/circuit/rules.js";
import { Keyed, type Slot } from "../keys/keyed.js";
import { type Duration, formatDuration, LONGEST_TIMER_MS } from "../time/duration.js";
import { FactSource } from "./facts.js";
import {
  duration,
  either,
  fieldOf,
  integer,
  isPlainObject,
  issueOf,
  type Parsed,
  parseOptions,
  type PeerNames,
  ratio,
  type Schema,
  schemaOf,
  text,
} from "./options.js";
import { StatefulPart } from "./part.js";

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

/** Options that other parts with keys have, too. */
export const keyFields = {
  maxKeys: integer(1, 1_000_000, 10_000, {
    meaning: "how many keys have a state of their own; more share one",
  }),
  idleKeyMs: duration(1, DAYS_MS, 600_000, {
    meaning: "a key not asked for during this time, and as good as new, is forgotten",
  }),
} as const;

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

type Options = Parsed<typeof fields>;

function at(field: keyof Options): string {
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

function hasRatioRule({ failureRatio, timeoutRatio, slowCallMs }: Options): boolean {
  return failureRatio !== undefined || timeoutRatio !== undefined || slowCallMs !== undefined;
}

function rulesOf(options: Options): CircuitRules {
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

export type CircuitState = "closed" | "open" | "half-open";

/** A circuit breaker with its circuits: one, and one more for each key. Make it with `circuitBreaker`. */
export class CircuitBreaker extends StatefulPart implements CircuitHome {
  readonly kind = "breaker";
  readonly facts: FactSource;
  rules: CircuitRules;
  #options: Options;
  readonly #circuits: Keyed<Circuit>;

  #given: CircuitBreakerOptions;

  constructor(given: CircuitBreakerOptions, facts: FactSource = new FactSource()) {
    const options = parseOptions(circuitBreakerSchema, given);
    super(options.name);
    this.#given = given;
    this.facts = facts;
    this.#options = options;
    this.rules = rulesOf(options);
    this.#circuits = new Keyed(
      (key) => new Circuit(this, key),
      () => this.#options,
      () =>
        this.facts.tell("keys.overflowed", { guard: this.name, maxKeys: this.#options.maxKeys }),
    );
  }

  /** The state of the circuit, or of that of a key. Asking changes nothing. */
  state(key?: string): CircuitState {
    return this.#circuits.peek(key)?.state.name ?? "closed";
  }

  /**
   * Other options for all policies that share this breaker. State and counts are kept; another kind of window starts
   * empty; a running opening is at most shortened.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC`; the breaker then stays as it was.
   */
  retune(options: CircuitBreakerOptions): void {
    const before = this.rules;
    this.#options = parseOptions(circuitBreakerSchema, options);
    this.#given = options;
    this.rules = rulesOf(this.#options);
    for (const circuit of this.#circuits.all()) circuit.retuned(before);
    this.madeTwin?.retune(options);
  }

  at(key: string | undefined): Slot<Circuit> {
    return this.#circuits.at(key);
  }

  /** All of them; looking changes nothing. */
  each(look: (circuit: Circuit) => void): void {
    this.#circuits.each(look);
  }

  changed({ key }: Pick<Circuit, "key">, transition: Transition): void {
    if (!this.facts.heard) return;
    const [type, details] = factOf(transition, this.rules);
    this.facts.tell(type, {
      guard: this.name,
      ...(key === undefined ? {} : { key }),
      ...details,
    } as never);
  }

  protected another(facts: FactSource): CircuitBreaker {
    return new CircuitBreaker(this.#given, facts);
  }

  reset(): void {
    this.#circuits.clear();
    this.#circuits.common.cell.reset();
  }

  save(nowMs: number): Record<string, SavedCircuit> {
    const saved: Record<string, SavedCircuit> = Object.create(null) as Record<string, SavedCircuit>;
    for (const [key, circuit] of this.#circuits.cells())
      if (!circuit.isPristine(nowMs) || circuit.trips > 0)
        saved[cellName(key)] = circuit.save(nowMs);
    return saved;
  }

  restore(saved: Readonly<Record<string, SavedCircuit>>, elapsedMs: number): void {
    this.reset();
    for (const [name, circuit] of Object.entries(saved))
      this.at(keyOf(name)).cell.restore(circuit, elapsedMs);
  }

  describe(): string {
    const { rules } = this;
    const rule = ruleTexts(rules).join(", or ");
    const times = `${formatDuration(rules.openMs)}${rules.maxOpenMs > rules.openMs ? `, growing to ${formatDuration(rules.maxOpenMs)}` : ""}`;
    return `opens on ${rule}; for ${times}; then ${rules.probes} ${rules.probes === 1 ? "probe" : "probes"}`;
  }
}

/** In a snapshot, the state without a key is `""` and a key is preceded by `=`, so that the two can't be confused. */
function cellName(key: string | undefined): string {
  return key === undefined ? "" : `=${key}`;
}

function keyOf(name: string): string | undefined {
  return name === "" ? undefined : name.slice(1);
}

type CircuitFact = "circuit.opened" | "circuit.half_opened" | "circuit.closed";

function factOf(
  transition: Transition,
  rules: CircuitRules,
): [CircuitFact, Partial<EventDetails[CircuitFact]>] {
  switch (transition.to) {
    case "open": {
      const { reason, openMs, cause } = transition;
      const threshold = reason === "probes" ? {} : { threshold: rules[reason] };
      const because = cause === undefined ? {} : { cause };
      return ["circuit.opened", { reason, ...threshold, openMs, ...because }];
    }
    case "half-open":
      return ["circuit.half_opened", { probes: transition.probes }];
    case "closed":
      return ["circuit.closed", { openedForMs: transition.openedForMs }];
  }
}

function ruleTexts(rules: CircuitRules): string[] {
  const { window } = rules;
  const within =
    window === undefined
      ? ""
      : "count" in window
        ? `the last ${window.count} attempts`
        : formatDuration(window.ms);
  const share = (value: number): string =>
    `a share of ${value} within ${within} (from ${rules.minimumCalls} attempts)`;
  const texts = [
    rules.consecutiveFailures === Infinity ? "" : `${rules.consecutiveFailures} failures in a row`,
    rules.failureRatio === Infinity ? "" : `failures: ${share(rules.failureRatio)}`,
    rules.timeoutRatio === Infinity ? "" : `timeouts: ${share(rules.timeoutRatio)}`,
    rules.slowCallMs === Infinity
      ? ""
      : `slower than ${formatDuration(rules.slowCallMs)}: ${share(rules.slowCallRatio)}`,
  ];
  return texts.filter((rule) => rule !== "");
}

/**
 * A circuit breaker: stops calling a dependency that fails, and finds out when it is well again.
 *
 * Pass it to `@Resilient`, `resilient` or `wrap`. Give the same one to all methods that call the same dependency.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options.
 * @example
 * const breaker = circuitBreaker({ failureRatio: 0.5, openMs: "15s" });
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  return new CircuitBreaker(options);
}
