import { seconds, times } from "../common/format.js";
import type { Summary } from "./summary.js";

/** The table of a run, on the screen and in the report. */
export const TABLE: readonly (readonly [label: string, value: (summary: Summary) => string])[] = [
  ["calls", ({ calls }) => `${calls}`],
  ["upstream requests", ({ upstreamRequests }) => `${upstreamRequests}`],
  ["amplification", ({ amplification }) => times(amplification)],
  ["goodput before, per second", ({ goodput }) => goodput.before.toFixed(1)],
  ["goodput in the brown-out", ({ goodput }) => goodput.during.toFixed(1)],
  ["goodput after", ({ goodput }) => goodput.after.toFixed(1)],
  ["p50 of all calls", ({ p50Ms }) => `${p50Ms.toFixed(0)} ms`],
  ["p99 of all calls", ({ p99Ms }) => `${p99Ms.toFixed(0)} ms`],
  ["recovery", ({ recoveryMs }) => (recoveryMs === null ? "none" : seconds(recoveryMs))],
  ["retries denied", ({ retriesDenied }) => `${retriesDenied}`],
];
