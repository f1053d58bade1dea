import type { CircuitState } from "@breakwater/core";
import { Recording } from "../../src/demo/measure/recording.js";

/** So many a second, at each second of a run. */
export type PerSecond = (second: number) => number;

interface Run {
  readonly seconds: number;
  readonly calls?: PerSecond;
  readonly answered?: PerSecond;
  readonly requests?: PerSecond;
  readonly latenessMs?: number;
  readonly circuit?: CircuitState;
}

/** A recording of a run that is made up, evenly spread within each second. */
export function runOf({ seconds, latenessMs = 1, circuit, ...rates }: Run): Recording {
  const { calls = () => 50, answered = calls, requests = calls } = rates;
  const recording = new Recording();
  for (let second = 0; second < seconds; second++) {
    const begunMs = spread(second, calls);
    recording.addLoad(
      {
        begunMs,
        latenessMs: begunMs.map(() => latenessMs),
        ended: spread(second, answered).map((endedMs) => ({
          dueMs: endedMs - 50,
          endedMs,
          ending: "answered" as const,
        })),
        inFlight: 3,
        circuit,
        retriesLeft: 20,
        retriesDenied: second,
      },
      second * 1_000,
      0,
    );
    recording.addRequests(spread(second, requests), 0);
  }
  return recording;
}

function spread(second: number, perSecond: PerSecond): number[] {
  const count = perSecond(second);
  return Array.from({ length: count }, (_, index) => second * 1_000 + (index * 1_000) / count);
}
