import { createHistogram } from "node:perf_hooks";

/** In milliseconds; 0 where there is nothing to look at. */
export function percentileMs(valuesMs: readonly number[], percent: number): number {
  if (valuesMs.length === 0) return 0;
  const histogram = createHistogram();
  // It counts whole numbers from 1 on.
  for (const ms of valuesMs) histogram.record(Math.max(1, Math.round(ms * 1_000)));
  return Math.round(histogram.percentile(percent) / 100) / 10;
}
