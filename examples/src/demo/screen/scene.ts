import type { Conditions } from "../measure/conditions.js";
import type { Gauges } from "../measure/recording.js";
import type { Lane } from "../stage/lane.js";
import type { Cell } from "./columns.js";
import type { Span } from "./sparkline.js";

/** What is on the stage, at a time. */
export interface Scene {
  readonly lanes: readonly Pick<Lane, "name" | "recording" | "isOn">[];
  readonly conditions: Conditions;
  readonly span: Span;
  readonly nowMs: number;
}

export type SceneLane = Scene["lanes"][number];

/** One line of the screen: a label, and a cell for each client. */
export interface Row {
  readonly label: string;
  readonly cell: (lane: SceneLane, scene: Scene, width: number) => Cell;
}

export function gaugesOf({ recording }: SceneLane, { nowMs }: Scene): Gauges | undefined {
  return recording.gauges.at(nowMs);
}
