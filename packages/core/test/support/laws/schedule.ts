import type {
  BulkheadOptions,
  CircuitBreakerOptions,
  RateLimitOptions,
  RetryBudgetOptions,
  RetryOptions,
} from "@breakwater/core";
import fc, { type Arbitrary } from "fast-check";
import type { DriverName } from "./drivers.js";

/** What a policy is made of, as plain data that a counterexample shows. */
export interface PolicySpec {
  readonly breaker?: CircuitBreakerOptions | undefined;
  readonly rateLimit?: RateLimitOptions | undefined;
  readonly bulkhead?: BulkheadOptions | undefined;
  readonly budget?: RetryBudgetOptions | undefined;
  readonly retry?: RetryOptions | undefined;
  readonly attemptTimeoutMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
}

/** One run of a task. An error is told apart by its status, as the classifier does. */
export interface RunSpec {
  readonly ends: "returns" | "fails by result" | "throws" | "throws at once" | "hangs";
  readonly status: number;
  readonly afterMs: number;
  readonly heedsAbort: boolean;
  /** In a call inside, of another policy with the same parts. */
  readonly inside?: boolean;
}

/** One call: its task takes the next run each time, and repeats the last. */
export interface CallSpec {
  readonly runs: readonly RunSpec[];
  readonly key: string | undefined;
  /** When the caller gives up; 0 is before it calls. */
  readonly abortAfterMs: number | undefined;
}

export type Retune =
  | { readonly part: "breaker"; readonly to: CircuitBreakerOptions }
  | { readonly part: "rateLimit"; readonly to: RateLimitOptions }
  | { readonly part: "bulkhead"; readonly to: BulkheadOptions }
  | { readonly part: "budget"; readonly to: RetryBudgetOptions };

/** What an operator does: to one key or to all, for some time or until it is cleared. */
export interface Overriding {
  readonly verb: "block" | "bypass" | "reset" | "clear";
  readonly key: string | undefined;
  readonly until: number | "cleared";
}

export type Step =
  | { readonly call: CallSpec }
  | { readonly advanceMs: number }
  | { readonly retune: Retune }
  | { readonly override: Overriding };

export interface Schedule {
  readonly policy: PolicySpec;
  readonly steps: readonly Step[];
}

/** Statuses for each verdict that an error can get, but for what only a signal or a clock brings. */
export const TRANSIENT = 503;
export const THROTTLED = 429;
export const PERMANENT = 404;
/** No status, so no rule knows the error: transient by default. */
export const UNKNOWN = 0;

const upTo = (max: number, min = 0): Arbitrary<number> => fc.integer({ min, max });
const maybe = <T>(arbitrary: Arbitrary<T>): Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const openings = {
  openMs: upTo(200, 10),
  probes: upTo(3, 1),
  probeSuccessRatio: fc.constantFrom(0.5, 1),
  probeMs: upTo(100, 10),
};
const window = fc.constantFrom({ count: 4 }, { ms: 100 });
const minimumCalls = upTo(4, 1);

export const breakerOptions: Arbitrary<CircuitBreakerOptions> = fc.oneof(
  fc.record({ ...openings, consecutiveFailures: upTo(4, 1) }),
  fc.record({ ...openings, window, minimumCalls, failureRatio: fc.constantFrom(0.25, 0.5, 1) }),
  fc.record({ ...openings, window, minimumCalls, slowCallMs: upTo(40, 1) }),
);

export const bulkheadOptions: Arbitrary<BulkheadOptions> = fc.record({
  limit: upTo(3, 1),
  abandonMs: upTo(200, 20),
  queueLimit: fc.constantFrom(0, 0, 1, 4),
  queueWaitMs: upTo(100, 1),
});

export const rateLimitOptions: Arbitrary<RateLimitOptions> = fc.record({
  perSecond: fc.constantFrom(5, 30, 333.3),
  burst: upTo(4, 1),
  waitMs: fc.constantFrom(0, 0, 20, 200),
});

export const budgetOptions: Arbitrary<RetryBudgetOptions> = fc.record({
  ratio: fc.constantFrom(0, 0.2, 0.5, 1),
  windowMs: fc.constantFrom(100, 1_000),
  reserve: upTo(3),
  reserveRefillMs: upTo(200, 20),
  credit: fc.constantFrom("calls", "successes"),
});

export const retryOptions: Arbitrary<RetryOptions> = fc.record({
  maxAttempts: upTo(4, 1),
  baseMs: upTo(40),
  jitter: fc.constantFrom("none", "full", "equal", "decorrelated"),
});

const parts = {
  breaker: maybe(breakerOptions),
  rateLimit: fc.option(rateLimitOptions, { nil: undefined, freq: 1 }),
  bulkhead: maybe(bulkheadOptions),
};

/** Policies by the driver they can run on: `direct` has nothing that waits, repeats or cuts short. */
export const policyFor: { readonly [D in DriverName]: Arbitrary<PolicySpec> } = {
  direct: fc.record(parts),
  drive: fc.record({
    ...parts,
    budget: maybe(budgetOptions),
    retry: maybe(retryOptions),
    attemptTimeoutMs: maybe(upTo(60, 5)),
    deadlineMs: maybe(upTo(300, 61)),
  }),
};

export const run: Arbitrary<RunSpec> = fc.record({
  ends: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("returns" as const, "throws" as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("fails by result" as const, "throws at once" as const),
    },
    { weight: 1, arbitrary: fc.constant("hangs" as const) },
  ),
  status: fc.constantFrom(TRANSIENT, TRANSIENT, UNKNOWN, THROTTLED, PERMANENT),
  afterMs: fc.oneof(fc.constant(0), upTo(80)),
  heedsAbort: fc.boolean(),
});

export const call: Arbitrary<CallSpec> = fc.record({
  runs: fc.array(run, { minLength: 1, maxLength: 4 }),
  key: fc.constantFrom(undefined, undefined, "a", "b"),
  abortAfterMs: fc.option(upTo(100), { nil: undefined, freq: 2 }),
});

const retune: Arbitrary<Retune> = fc.oneof(
  breakerOptions.map((to) => ({ part: "breaker" as const, to })),
  rateLimitOptions.map((to) => ({ part: "rateLimit" as const, to })),
  bulkheadOptions.map((to) => ({ part: "bulkhead" as const, to })),
  budgetOptions.map((to) => ({ part: "budget" as const, to })),
);

export const step: Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: call.map((spec) => ({ call: spec })) },
  { weight: 3, arbitrary: fc.oneof(upTo(30), upTo(300)).map((advanceMs) => ({ advanceMs })) },
  { weight: 1, arbitrary: retune.map((change) => ({ retune: change })) },
);

/** Random policies under random storms. */
export function schedules(driver: DriverName, maxLength = 16): Arbitrary<Schedule> {
  return fc.record({
    policy: policyFor[driver],
    steps: fc.array(step, { minLength: 1, maxLength }),
  });
}

const override: Arbitrary<Overriding> = fc.record({
  verb: fc.constantFrom("block", "block", "bypass", "reset", "clear"),
  key: fc.constantFrom(undefined, undefined, "a"),
  until: fc.oneof(upTo(300, 1), fc.constant("cleared" as const)),
});

/** The same, where an operator is at work. */
export function overridden(schedule: Arbitrary<Schedule>): Arbitrary<Schedule> {
  const doings = fc.array(fc.tuple(fc.nat(), override), { minLength: 1, maxLength: 5 });
  return fc.tuple(schedule, doings).map(([{ policy, steps }, does]) => {
    const all: Step[] = [...steps];
    for (const [place, what] of does) all.splice(place % (all.length + 1), 0, { override: what });
    return { policy, steps: all };
  });
}

/** The same, where some runs are those of a call inside. */
export function nestedSchedules(driver: DriverName): Arbitrary<Schedule> {
  const nest = ({ policy, steps }: Schedule, inside: readonly boolean[]): Schedule => ({
    policy,
    steps: steps.map((each, n) => (inside[n] === true ? nested(each) : each)),
  });
  const which = fc.array(fc.boolean(), { minLength: 16, maxLength: 16 });
  return fc.tuple(schedules(driver), which).map(([schedule, inside]) => nest(schedule, inside));
}

function nested(each: Step): Step {
  if (!("call" in each)) return each;
  const runs = each.call.runs.map((spec) => ({ ...spec, inside: true }));
  return { call: { ...each.call, runs } };
}
