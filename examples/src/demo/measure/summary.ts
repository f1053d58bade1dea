import type { Schedule } from "../scenario.js";
import { percentileMs } from "./percentile.js";
import type { Recording } from "./recording.js";
import { recoveryMs } from "./recovery.js";

/** What one client sent and got in a run. */
export interface Summary {
  readonly calls: number;
  /** By the server's own count. */
  readonly upstreamRequests: number;
  /** Upstream requests for each call. */
  readonly amplification: number;
  readonly amplificationInBrownOut: number;
  readonly answered: number;
  /** By an open breaker, at once and unsent. */
  readonly refused: number;
  /** Answered calls per second. */
  readonly goodput: { readonly before: number; readonly during: number; readonly after: number };
  /** From when a call was due to its answer or its error. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** From the end of the brown-out; null: not recovered at the end. */
  readonly recoveryMs: number | null;
  readonly retriesDenied: number;
}

export function summarise(recording: Recording, schedule: Schedule): Summary {
  const { warmMs, brownOutMs, healMs, endMs } = schedule;
  const { answered, requests, calls, latenciesMs, totals } = recording;
  const before = answered.perSecond(warmMs, brownOutMs);
  return {
    calls: totals.calls,
    upstreamRequests: totals.requests,
    amplification: rounded(totals.requests / totals.calls, 3),
    amplificationInBrownOut: rounded(
      requests.between(brownOutMs, healMs) / calls.between(brownOutMs, healMs),
      3,
    ),
    answered: totals.answered,
    refused: totals.refused,
    goodput: {
      before: rounded(before, 1),
      during: rounded(answered.perSecond(brownOutMs, healMs), 1),
      after: rounded(answered.perSecond(healMs, endMs), 1),
    },
    p50Ms: percentileMs(latenciesMs, 50),
    p99Ms: percentileMs(latenciesMs, 99),
    recoveryMs: recoveryMs(answered, before, healMs, endMs),
    retriesDenied: totals.retriesDenied,
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
