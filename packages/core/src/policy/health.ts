import type { Circuit } from "../guards/circuit/circuit.js";
import type { Bulkhead } from "../parts/bulkhead.js";
import type { CircuitBreaker, CircuitState } from "../parts/circuit-breaker.js";
import type { RetryBudget } from "../parts/retry-budget.js";
import { type WouldHaveDone, wouldHaveDone } from "./cohorts/compare.js";
import type { CompiledCohort } from "./compile.js";
import type { Mode } from "./mode.js";
import { type CountersSoFar, countersSoFar } from "./snapshot.js";

/** Longer lists help nobody, and a health endpoint must stay small when every key is in trouble. */
const MOST_LISTED = 10;

/** How a policy is, as plain JSON. */
export interface PolicyHealth {
  readonly policy: string;
  /** `degraded`: a circuit of its breaker is not closed, and calls are refused. */
  readonly status: "ok" | "degraded";
  /** Of a policy with a canary: of the calls that it takes, where it takes any. */
  readonly mode: Mode;
  /** What would have been done for the calls that are in shadow. */
  readonly would?: WouldHaveDone;
  readonly breaker?: BreakerHealth;
  readonly bulkhead?: BulkheadHealth;
  readonly budget?: BudgetHealth;
  readonly counters: CountersSoFar;
}

export interface BreakerHealth {
  readonly guard: string;
  /** Of the circuit of calls without a key. */
  readonly state: CircuitState;
  /** When calls without a key may be let through again; 0: now. */
  readonly retryAfterMs: number;
  /** Where calls have keys. */
  readonly keys?: {
    readonly known: number;
    readonly open: number;
    readonly halfOpen: number;
    /** Circuits that are not closed: at most ten, those first that have opened most often in a row. */
    readonly worst: readonly TroubledKey[];
  };
}

interface TroubledKey {
  readonly key: string;
  readonly state: CircuitState;
  readonly retryAfterMs: number;
  /** Openings in a row. */
  readonly openings: number;
}

export interface BulkheadHealth {
  readonly guard: string;
  /** Attempts that run now, over all keys. */
  readonly inFlight: number;
  readonly limit: number;
  /** Calls that wait for room now, over all keys. */
  readonly queued: number;
  /** Whether `limit` is one for each key. */
  readonly perKey: boolean;
}

export interface BudgetHealth {
  readonly guard: string;
  /** Retries that could be paid now from the credit of calls without a key. */
  readonly credit: number;
  /** Retries that could be paid now from the reserve. */
  readonly reserve: number;
}

export function healthOf(
  policy: string,
  cohorts: readonly [CompiledCohort, ...CompiledCohort[]],
): PolicyHealth {
  const [{ mode, parts, scopes }] = cohorts;
  const { breaker, bulkhead, budget } = parts;
  const { counters } = scopes.plan;
  const control = cohorts.find((each) => each.mode === "shadow")?.scopes.plan.estimates;
  const circuits = breaker === undefined ? undefined : breakerHealth(breaker);
  return {
    policy,
    status: mode === "shadow" || circuits === undefined || isWell(circuits) ? "ok" : "degraded",
    mode,
    ...(control === undefined ? {} : { would: wouldHaveDone(control) }),
    ...(circuits === undefined ? {} : { breaker: circuits }),
    ...(bulkhead === undefined ? {} : { bulkhead: bulkheadHealth(bulkhead) }),
    ...(budget === undefined ? {} : { budget: budgetHealth(budget) }),
    counters: countersSoFar(counters),
  };
}

function isWell({ state, keys }: BreakerHealth): boolean {
  return state === "closed" && (keys === undefined || keys.open + keys.halfOpen === 0);
}

/** One pass over the circuits, and no list of them. */
function breakerHealth(breaker: CircuitBreaker): BreakerHealth {
  const count = { closed: 0, open: 0, "half-open": 0 };
  const worst: Circuit[] = [];
  breaker.each((circuit) => {
    if (circuit.key === undefined) return;
    count[circuit.state.name]++;
    if (circuit.state.name !== "closed") rank(worst, circuit);
  });
  const known = count.closed + count.open + count["half-open"];
  const keys = {
    known,
    open: count.open,
    halfOpen: count["half-open"],
    worst: worst.map(troubled),
  };
  const common = breaker.at(undefined).cell;
  return {
    guard: breaker.name,
    state: common.state.name,
    retryAfterMs: retryAfterMs(common),
    ...(known === 0 ? {} : { keys }),
  };
}

/** Keeps the worst, in order. Most are no worse than the last of them, and go at a glance. */
function rank(worst: Circuit[], circuit: Circuit): void {
  const last = worst[MOST_LISTED - 1];
  if (last !== undefined && circuit.trips <= last.trips) return;
  const place = worst.findIndex(({ trips }) => trips < circuit.trips);
  worst.splice(place === -1 ? worst.length : place, 0, circuit);
  if (worst.length > MOST_LISTED) worst.pop();
}

function troubled(circuit: Circuit): TroubledKey {
  const { key = "", state, trips } = circuit;
  return { key, state: state.name, retryAfterMs: retryAfterMs(circuit), openings: trips };
}

function retryAfterMs({ state }: Circuit): number {
  return state.name === "open" ? state.retryAfterMs() : 0;
}

function bulkheadHealth({ name, inFlight, queued, rules }: Bulkhead): BulkheadHealth {
  return { guard: name, inFlight, limit: rules.limit, queued, perKey: rules.perKey };
}

function budgetHealth(budget: RetryBudget): BudgetHealth {
  return { guard: budget.name, ...budget.available() };
}
