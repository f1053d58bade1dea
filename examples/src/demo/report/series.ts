import type { Recorded } from "../measure/outcome.js";
import { TICK_MS } from "../measure/timeline.js";

const WINDOW_MS = 500;

/** The curves of one client: one value for each time. Null: nothing to show. */
export interface Series {
  readonly goodput: readonly number[];
  readonly load: readonly (number | null)[];
  readonly inFlight: readonly (number | null)[];
  /** 1: open or half-open. */
  readonly open: readonly (number | null)[];
  readonly retriesLeft: readonly (number | null)[];
}

/** The ends of the stretches that the curves are made of. */
export function timesOf(endMs: number): number[] {
  return Array.from({ length: Math.floor(endMs / TICK_MS) }, (_, tick) => (tick + 1) * TICK_MS);
}

export function seriesOf({ recording }: Recorded, timesMs: readonly number[]): Series {
  const { answered, calls, requests, gauges } = recording;
  const states = timesMs.map((atMs) => gauges.at(atMs - TICK_MS));
  return {
    goodput: timesMs.map((atMs) => answered.perSecond(Math.max(0, atMs - WINDOW_MS), atMs)),
    load: timesMs.map((atMs) => {
      const begun = calls.between(atMs - WINDOW_MS, atMs);
      return begun === 0 ? null : requests.between(atMs - WINDOW_MS, atMs) / begun;
    }),
    inFlight: states.map((state) => state?.inFlight ?? null),
    open: states.map((state) =>
      state?.circuit === undefined ? null : Number(state.circuit !== "closed"),
    ),
    retriesLeft: states.map((state) => state?.retriesLeft ?? null),
  };
}
