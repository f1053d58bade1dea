import { CLIENTS, type Client } from "../clients/catalogue.js";
import { seconds, times } from "../common/format.js";
import type { Conditions } from "../measure/conditions.js";
import type { Gauges } from "../measure/recording.js";
import { recoveryMs } from "../measure/recovery.js";
import { CLIENT, LOAD } from "../scenario.js";
import type { Lane } from "../stage/lane.js";
import type { Cell } from "./columns.js";
import type { Style } from "./paint.js";
import { type Span, sparkline } from "./sparkline.js";

/** What the rows look at. */
export interface Scene {
  readonly lanes: readonly Pick<Lane, "name" | "recording" | "isOn">[];
  readonly conditions: Conditions;
  readonly span: Span;
  readonly nowMs: number;
}

export type SceneLane = Scene["lanes"][number];

export interface Row {
  readonly label: string;
  readonly cell: (lane: SceneLane, scene: Scene, width: number) => Cell;
}

const SECOND_MS = 1_000;
const { callsPerSecond } = LOAD;
const { timeoutMs, naiveRetries, naiveDelayMs } = CLIENT;

/** The tops of the scales: what the worst client can come to. */
const MOST_LOAD = 1 + naiveRetries;
const MOST_IN_FLIGHT =
  (callsPerSecond * (MOST_LOAD * timeoutMs + naiveRetries * naiveDelayMs)) / SECOND_MS;

const GAUGE = (lane: SceneLane, nowMs: number): Gauges | undefined =>
  lane.recording.gauges.at(nowMs);

export const ROWS: readonly Row[] = [
  {
    label: "",
    cell: ({ name, isOn }) => [
      { text: CLIENTS[name].title, style: "bold" },
      ...(isOn ? [] : [{ text: " off", style: "yellow" } as const]),
    ],
  },
  { label: "", cell: ({ name }) => [{ text: CLIENTS[name].has, style: "cyan" }] },
  { label: "upstream", cell: (_lane, scene) => [conditionPiece(scene)] },
  { label: "", cell: (_lane, scene, width) => ruler(scene, width) },
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
        callsPerSecond,
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
    cell: (lane, { nowMs }) => {
      const calls = GAUGE(lane, nowMs)?.inFlight ?? 0;
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
  {
    label: "breaker",
    cell: (lane, { nowMs }) => {
      const circuit = GAUGE(lane, nowMs)?.circuit;
      if (circuit === undefined) return [noGuard(lane, "breaker")];
      return [{ text: circuit, style: CIRCUIT_STYLES[circuit] }];
    },
  },
  {
    label: "",
    cell: ({ recording: { gauges } }, { span, nowMs }, width) =>
      sparkline(
        (fromMs, toMs) => openShare(gauges.between(fromMs, toMs)),
        span,
        nowMs,
        width,
        1,
        (share) => (share > 0 ? "red" : "green"),
      ),
  },
  {
    label: "budget",
    cell: (lane, { nowMs }) => {
      const { retriesLeft, retriesDenied } = GAUGE(lane, nowMs) ?? {};
      if (retriesLeft === undefined) return [noGuard(lane, "budget")];
      return [{ text: `${retriesLeft} left` }, { text: `, ${retriesDenied} denied`, style: "dim" }];
    },
  },
  {
    label: "answered",
    cell: ({ recording: { totals } }) => [
      { text: `${totals.answered}` },
      { text: ` of ${totals.calls}`, style: "dim" },
    ],
  },
  { label: "recovery", cell: (lane, scene) => [recoveryPiece(lane, scene)] },
];

const CIRCUIT_STYLES = { closed: "green", open: "red", "half-open": "yellow" } as const;

function noGuard({ name }: SceneLane, guard: "breaker" | "budget"): Cell[number] {
  const { guards }: Client = CLIENTS[name];
  return { text: guards.includes(guard) ? "" : "none", style: "dim" };
}

/** Of the time between; a breaker that is half-open does not answer everybody either. */
function openShare(gauges: readonly Gauges[]): number | undefined {
  const known = gauges.filter(({ circuit }) => circuit !== undefined);
  if (known.length === 0) return undefined;
  return known.filter(({ circuit }) => circuit !== "closed").length / known.length;
}

function loadBetween({ recording }: SceneLane, fromMs: number, toMs: number): number | undefined {
  const calls = recording.calls.between(fromMs, toMs);
  return calls === 0 ? undefined : recording.requests.between(fromMs, toMs) / calls;
}

function goodputStyle(perSecond: number): Style {
  if (perSecond >= 0.9 * callsPerSecond) return "green";
  return perSecond >= 0.5 * callsPerSecond ? "yellow" : "red";
}

function loadStyle(load: number): Style {
  if (load <= 1.3) return "green";
  return load < 2 ? "yellow" : "red";
}

function inFlightStyle(calls: number): Style {
  const usual = (callsPerSecond * timeoutMs) / SECOND_MS;
  if (calls <= usual / 2) return "green";
  return calls <= usual * 1.2 ? "yellow" : "red";
}

function conditionPiece({ conditions, nowMs }: Scene): Cell[number] {
  const condition = conditions.at(nowMs);
  if (condition === "brown-out") return { text: "BROWN-OUT", style: "yellow" };
  if (condition === "down") return { text: "DOWN", style: "red" };
  const healedMs = conditions.healedMs(nowMs);
  return { text: healedMs === undefined ? "healthy" : "HEALED", style: "green" };
}

const RULER = {
  healthy: { text: "─", style: "dim" },
  "brown-out": { text: "▒", style: "yellow" },
  down: { text: "█", style: "red" },
} as const;

/** How the servers were, on the scale of time of the sparklines below. */
function ruler({ conditions, span, nowMs }: Scene, width: number): Cell {
  const stepMs = (span.toMs - span.fromMs) / width;
  const timesMs = Array.from({ length: width }, (_, index) => span.fromMs + (index + 0.5) * stepMs);
  return timesMs.map((atMs) => (atMs > nowMs ? { text: " " } : RULER[conditions.at(atMs)]));
}

function recoveryPiece({ recording }: SceneLane, { conditions, nowMs }: Scene): Cell[number] {
  const healedMs = conditions.healedMs(nowMs);
  if (healedMs === undefined) return { text: "" };
  const tookMs = recoveryMs(recording.answered, callsPerSecond, healedMs, nowMs);
  if (tookMs !== null) return { text: `after ${seconds(tookMs)}`, style: "green" };
  return { text: `not yet`, style: "red" };
}
