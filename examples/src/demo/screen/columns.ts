import type { Paint, Style } from "./paint.js";

/** A text whose style is known apart: the width of a line must not depend on its colours. */
interface Piece {
  readonly text: string;
  readonly style?: Style | undefined;
}

export type Cell = readonly Piece[];

export interface Columns {
  readonly labelWidth: number;
  readonly cellWidth: number;
}

const LABEL_WIDTH = 10;
const GAP = 2;
const WIDEST = 40;

/** One column for labels, and one of the same width for each client. */
export function columnsFor(terminalWidth: number, count: number): Columns {
  const cellWidth = Math.floor((terminalWidth - 1 - LABEL_WIDTH) / count) - GAP;
  return { labelWidth: LABEL_WIDTH, cellWidth: Math.min(WIDEST, cellWidth) };
}

export function rowOf(
  { labelWidth, cellWidth }: Columns,
  label: string,
  cells: readonly Cell[],
  paint: Paint,
): string {
  const painted = cells.map((cell) => fitted(cell, cellWidth, paint));
  return [paint("dim", label.padEnd(labelWidth)), ...painted].join(" ".repeat(GAP));
}

/** Filled up to the width. What does not fit is left out, but for a cell's first piece, which is cut. */
function fitted(cell: Cell, width: number, paint: Paint): string {
  let left = width;
  let line = "";
  for (const { text, style } of cell) {
    if (text.length > left && line !== "") break;
    const cut = text.slice(0, left);
    left -= cut.length;
    line += paint(style, cut);
  }
  return line + " ".repeat(left);
}
