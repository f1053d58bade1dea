import { CLIENTS } from "../clients/catalogue.js";
import { seconds } from "../common/format.js";
import { recoveryMs } from "../measure/recovery.js";
import { LOAD } from "../scenario.js";
import type { Cell } from "./columns.js";
import { GUARD_ROWS } from "./guard-rows.js";
import type { Row, Scene, SceneLane } from "./scene.js";
import { TRAFFIC_ROWS } from "./traffic-rows.js";
import { UPSTREAM_ROWS } from "./upstream-rows.js";

/** All of the live screen that stands in columns, from its top down. */
export const ROWS: readonly Row[] = [
  {
    label: "",
    cell: ({ name, isOn }) => [
      { text: CLIENTS[name].title, style: "bold" },
      ...(isOn ? [] : [{ text: " off", style: "yellow" } as const]),
    ],
  },
  { label: "", cell: ({ name }) => [{ text: CLIENTS[name].has, style: "cyan" }] },
  ...UPSTREAM_ROWS,
  ...TRAFFIC_ROWS,
  ...GUARD_ROWS,
  {
    label: "answered",
    cell: ({ recording: { totals } }) => [
      { text: `${totals.answered}` },
      { text: ` of ${totals.calls}`, style: "dim" },
    ],
  },
  { label: "recovery", cell: (lane, scene) => [recoveryPiece(lane, scene)] },
];

function recoveryPiece({ recording, isOn }: SceneLane, { conditions, nowMs }: Scene): Cell[number] {
  const healedMs = conditions.healedMs(nowMs);
  if (healedMs === undefined || !isOn) return { text: "" };
  const tookMs = recoveryMs(recording.answered, LOAD.callsPerSecond, healedMs, nowMs);
  if (tookMs !== null) return { text: `after ${seconds(tookMs)}`, style: "green" };
  return { text: "not yet", style: "red" };
}
