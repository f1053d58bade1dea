import type { Stage } from "../stage/stage.js";
import { TICK_MS } from "../measure/timeline.js";
import type { Audience } from "./audience.js";
import type { Frame } from "./frame.js";
import type { Span } from "./sparkline.js";

/** What happened in the last moments is still on its way here. */
const REPORT_LAG_MS = 200;

/** Shows the stage, tick by tick, until what it returns is called. */
export function project(
  stage: Stage,
  audience: Audience,
  frameAt: (nowMs: number) => Frame,
  spanAt: (nowMs: number) => Span,
  endMs = Infinity,
): () => void {
  const show = (): void => {
    const nowMs = Math.min(
      endMs,
      Math.floor((stage.elapsedMs - REPORT_LAG_MS) / TICK_MS) * TICK_MS,
    );
    if (!Number.isFinite(nowMs)) return; // it has not begun
    const { lanes, conditions } = stage;
    audience.watch(frameAt(nowMs), { lanes, conditions, span: spanAt(nowMs), nowMs });
  };
  const timer = setInterval(show, TICK_MS);
  return () => {
    clearInterval(timer);
    show();
    audience.end();
  };
}
