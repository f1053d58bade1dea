import type { Cell } from "./columns.js";
import type { Style } from "./paint.js";

const BARS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** What part of the run a sparkline shows, from its left to its right end. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A value between two times; undefined where nothing is known. */
export type Between = (fromMs: number, toMs: number) => number | undefined;

/** One bar for each stretch of the span that has begun. The scale is given, so that columns can be compared. */
export function sparkline(
  value: Between,
  { fromMs, toMs }: Span,
  nowMs: number,
  width: number,
  max: number,
  styleOf: (value: number) => Style | undefined,
): Cell {
  const stepMs = (toMs - fromMs) / width;
  const bars = Math.min(width, Math.floor((nowMs - fromMs) / stepMs));
  return Array.from({ length: Math.max(0, bars) }, (_, index) => {
    const shown = value(fromMs + index * stepMs, fromMs + (index + 1) * stepMs);
    return shown === undefined ? { text: " " } : { text: barOf(shown, max), style: styleOf(shown) };
  });
}

function barOf(value: number, max: number): string {
  const highest = BARS.length - 1;
  return BARS[Math.max(0, Math.min(highest, Math.round((value / max) * highest)))] ?? " ";
}
