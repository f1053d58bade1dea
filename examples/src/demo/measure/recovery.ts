import { RECOVERY } from "../scenario.js";
import { type Timeline, TICK_MS } from "./timeline.js";

const WINDOW_MS = 1_000;

/**
 * How long it took until a whole second was as good as before: its end, counted from the heal. Null: not until `untilMs`.
 */
export function recoveryMs(
  answered: Timeline,
  beforePerSecond: number,
  healedMs: number,
  untilMs: number,
): number | null {
  const enough = RECOVERY.share * beforePerSecond;
  for (let endMs = healedMs + WINDOW_MS; endMs <= untilMs; endMs += TICK_MS)
    if (answered.perSecond(endMs - WINDOW_MS, endMs) >= enough) return endMs - healedMs;
  return null;
}
