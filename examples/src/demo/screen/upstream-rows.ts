import type { Cell } from "./columns.js";
import type { Row, Scene } from "./scene.js";

/** How each server is, and was. */
export const UPSTREAM_ROWS: readonly Row[] = [
  { label: "upstream", cell: (_lane, scene) => [conditionPiece(scene)] },
  { label: "", cell: (_lane, scene, width) => ruler(scene, width) },
];

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
