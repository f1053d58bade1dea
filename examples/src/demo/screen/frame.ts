import { columnsFor, rowOf } from "./columns.js";
import type { Paint } from "./paint.js";
import { ROWS } from "./rows.js";
import type { Scene } from "./scene.js";

/** What stands around the columns. */
export interface Frame {
  readonly title: string;
  readonly clock: string;
  readonly subtitle: string;
  /** What happens now. */
  readonly note: string;
  readonly footer: string;
}

export const FRAME_ROWS = ROWS.length + 6;

/** One picture of the live screen, line by line. */
export function drawFrame(frame: Frame, scene: Scene, width: number, paint: Paint): string[] {
  const columns = columnsFor(width, scene.lanes.length);
  const edge = columns.labelWidth + scene.lanes.length * (columns.cellWidth + 2);
  const rows = ROWS.map(({ label, cell }) => {
    const cells = scene.lanes.map((lane) => cell(lane, scene, columns.cellWidth));
    return rowOf(columns, label, cells, paint);
  });
  const gap = " ".repeat(Math.max(1, edge - frame.title.length - frame.clock.length));
  return [
    paint("bold", frame.title) + gap + paint("bold", frame.clock),
    paint("dim", frame.subtitle),
    "",
    ...rows,
    "",
    paint("bold", frame.note),
    paint("dim", frame.footer),
  ];
}
