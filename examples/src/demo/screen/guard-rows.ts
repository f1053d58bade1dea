import { type Client, CLIENTS } from "../clients/catalogue.js";
import type { Gauges } from "../measure/recording.js";
import type { Cell } from "./columns.js";
import { gaugesOf, type Row, type SceneLane } from "./scene.js";
import { sparkline } from "./sparkline.js";

const CIRCUIT_STYLES = { closed: "green", open: "red", "half-open": "yellow" } as const;

/** What Breakwater does, where it is. */
export const GUARD_ROWS: readonly Row[] = [
  {
    label: "breaker",
    cell: (lane, scene) => {
      const circuit = gaugesOf(lane, scene)?.circuit;
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
    cell: (lane, scene) => {
      const { retriesLeft, retriesDenied } = gaugesOf(lane, scene) ?? {};
      if (retriesLeft === undefined) return [noGuard(lane, "budget")];
      return [{ text: `${retriesLeft} left` }, { text: `, ${retriesDenied} denied`, style: "dim" }];
    },
  },
];

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
