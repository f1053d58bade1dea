import { times } from "../common/format.js";
import { gaugesOf, type Row, type SceneLane } from "./scene.js";
import {
  goodputStyle,
  inFlightStyle,
  loadStyle,
  MOST_GOODPUT,
  MOST_IN_FLIGHT,
  MOST_LOAD,
} from "./scales.js";
import { sparkline } from "./sparkline.js";

const SECOND_MS = 1_000;

/** What users get, what the upstream gets, and who waits: a number each, and the run so far. */
export const TRAFFIC_ROWS: readonly Row[] = [
  {
    label: "goodput",
    cell: ({ recording: { answered } }, { nowMs }) => {
      const perSecond = answered.perSecond(nowMs - SECOND_MS, nowMs);
      return [{ text: `${perSecond.toFixed(0)}/s`, style: goodputStyle(perSecond) }];
    },
  },
  {
    label: "",
    cell: ({ recording: { answered } }, { span, nowMs }, width) =>
      sparkline(
        (fromMs, toMs) => answered.perSecond(fromMs, toMs),
        span,
        nowMs,
        width,
        MOST_GOODPUT,
        goodputStyle,
      ),
  },
  {
    label: "load",
    cell: (lane, { nowMs }) => {
      const load = loadBetween(lane, nowMs - SECOND_MS, nowMs);
      if (load === undefined) return [{ text: "no calls", style: "dim" }];
      return [
        { text: times(load), style: loadStyle(load) },
        { text: " the calls", style: "dim" },
      ];
    },
  },
  {
    label: "",
    cell: (lane, { span, nowMs }, width) =>
      sparkline(
        (fromMs, toMs) => loadBetween(lane, fromMs, toMs),
        span,
        nowMs,
        width,
        MOST_LOAD,
        loadStyle,
      ),
  },
  {
    label: "in flight",
    cell: (lane, scene) => {
      const calls = gaugesOf(lane, scene)?.inFlight ?? 0;
      return [{ text: `${calls}`, style: inFlightStyle(calls) }];
    },
  },
  {
    label: "",
    cell: ({ recording: { gauges } }, { span, nowMs }, width) =>
      sparkline(
        (fromMs, toMs) =>
          Math.max(0, ...gauges.between(fromMs, toMs).map(({ inFlight }) => inFlight)),
        span,
        nowMs,
        width,
        MOST_IN_FLIGHT,
        inFlightStyle,
      ),
  },
];

function loadBetween({ recording }: SceneLane, fromMs: number, toMs: number): number | undefined {
  const calls = recording.calls.between(fromMs, toMs);
  return calls === 0 ? undefined : recording.requests.between(fromMs, toMs) / calls;
}
