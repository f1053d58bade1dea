import type { Estimates } from "../../engine/shadow/estimates.js";
import type { Cohort } from "../../events/catalog.js";
import type { CompiledCohort } from "../compile.js";

/** How the calls of one cohort have gone so far. */
export interface CohortReport {
  /** Calls that have ended, refused ones too. */
  readonly calls: number;
  /** Of the calls that were not refused: the share that failed. */
  readonly errorRatio: number;
  /** Of all calls: the share that was refused. */
  readonly refusalRatio: number;
  readonly retriesPerCall: number;
  /** Of the calls that were not refused. */
  readonly n: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Of the control, and of a policy in shadow: what would have been done. */
  readonly would?: WouldHaveDone;
}

export interface WouldHaveDone {
  /** Refusals, by whether they would have been right: of an attempt that then failed, or of one that went well. */
  readonly refusals: { readonly right: number; readonly wrong: number; readonly other: number };
  readonly waits: number;
  readonly retries: number;
  readonly deniedRetries: number;
  readonly timeouts: number;
}

/** The calls that a canary protects, beside those that it does not. One of the two is missing where whole processes are taken. */
export type Comparison = {
  readonly policy: string;
  readonly ratio: number;
  readonly by: "process" | "key";
} & { readonly [C in Cohort]?: CohortReport };

/** By the names of their cohorts. */
export function reportsOf(cohorts: readonly CompiledCohort[]): Pick<Comparison, Cohort> {
  return Object.fromEntries(cohorts.map((each) => [each.cohort, reportOf(each)]));
}

function reportOf({ measures, scopes }: CompiledCohort): CohortReport {
  const { counters, estimates } = scopes.plan;
  const { ended = 0, failed = 0, refused = 0 } = measures ?? {};
  const calls = ended + refused;
  const at = (percent: number): number => measures?.percentileMs(percent) ?? 0;
  return {
    calls,
    errorRatio: ratioOf(failed, ended),
    refusalRatio: ratioOf(refused, calls),
    retriesPerCall: ratioOf(counters.retries, calls),
    n: ended,
    p50Ms: at(50),
    p95Ms: at(95),
    p99Ms: at(99),
    ...(estimates === undefined ? {} : { would: wouldHaveDone(estimates) }),
  };
}

export function wouldHaveDone(estimates: Estimates): WouldHaveDone {
  const { rightRefusals, wrongRefusals, otherRefusals } = estimates;
  const { waits, retries, deniedRetries, timeouts } = estimates;
  return {
    refusals: { right: rightRefusals, wrong: wrongRefusals, other: otherRefusals },
    waits,
    retries,
    deniedRetries,
    timeouts,
  };
}

function ratioOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
