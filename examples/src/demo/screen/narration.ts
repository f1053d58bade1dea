import { seconds } from "../common/format.js";
import type { Conditions } from "../measure/conditions.js";
import { COMPRESSION, LOAD, type Schedule, UPSTREAM } from "../scenario.js";
import type { Frame } from "./frame.js";

const { workers, brownOutWorkers } = UPSTREAM;

export const SUBTITLE = `All at the same time, ${LOAD.callsPerSecond} calls/s each. Time is compressed: 1 s stands for ${COMPRESSION} s.`;

/** The words around the columns while the story is told. */
export function narrate(conditions: Conditions, nowMs: number, schedule: Schedule): Frame {
  const { endMs } = schedule;
  return {
    title: "Breakwater: one server browns out, and each client has one",
    clock: `${seconds(Math.max(0, Math.min(nowMs, endMs)))} of ${seconds(endMs)}`,
    subtitle: SUBTITLE,
    note: noteOn(conditions, nowMs, schedule),
    footer: "Bars: the whole run, one clock and one scale for all columns. Ctrl-C ends it.",
  };
}

function noteOn(conditions: Conditions, nowMs: number, schedule: Schedule): string {
  const { brownOutMs, healMs } = schedule;
  const healedMs = conditions.healedMs(nowMs);
  if (healedMs !== undefined)
    return `HEALED ${seconds(nowMs - healedMs)} ago: every server has its ${workers} workers back.`;
  if (conditions.at(nowMs) === "brown-out")
    return `BROWN-OUT: each server has ${brownOutWorkers} of ${workers} workers, for ${seconds(healMs - nowMs)} more.`;
  return `All is well: twice the workers that the load needs. Brown-out in ${seconds(brownOutMs - nowMs)}.`;
}
