import { CLIENTS } from "../clients/catalogue.js";
import { seconds } from "../common/format.js";
import type { Frame } from "../screen/frame.js";
import { SUBTITLE } from "../screen/narration.js";
import type { Stage } from "../stage/stage.js";

const NOTES = {
  healthy: "The servers have twice the workers that the load needs.",
  "brown-out": "BROWN-OUT: one worker is left on each server. Heal it with h.",
  down: "DOWN: the server processes were killed. Start new ones with h.",
} as const;

/** The words around the columns while the visitor plays. */
export function frameOf({ lanes, conditions }: Stage, nowMs: number): Frame {
  const switches = lanes.map(({ name }, index) => `${index + 1} ${CLIENTS[name].title}`);
  return {
    title: "Breakwater: break it yourself",
    clock: seconds(Math.max(0, nowMs)),
    subtitle: SUBTITLE,
    note: NOTES[conditions.at(nowMs)],
    footer: `b brown-out  k kill  h heal  on/off: ${switches.join(", ")}  q quit`,
  };
}
