import { CLIENTS } from "../clients/catalogue.js";
import type { Audience } from "./audience.js";
import type { Frame } from "./frame.js";
import type { Scene, SceneLane } from "./scene.js";

const EVERY_MS = 1_000;
/** As many as fit 80 columns; the others go below them. */
const CLIENTS_IN_A_LINE = 3;

/** One line a second (two for more than three clients), for logs and pipes: goodput, load, and what the breaker does. */
export class PlainLines implements Audience {
  readonly #write: (line: string) => void;
  #nextMs = EVERY_MS;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  watch(_frame: Frame, scene: Scene): void {
    if (scene.nowMs < this.#nextMs) return;
    const second = Math.floor(scene.nowMs / EVERY_MS);
    this.#nextMs = (second + 1) * EVERY_MS;
    for (const line of linesOf(scene, second)) this.#write(line);
  }

  end(): void {
    this.#write("");
  }
}

function linesOf({ lanes, conditions }: Scene, second: number): string[] {
  const toMs = second * EVERY_MS;
  const label = `${String(second).padStart(3)} s  ${conditions.at(toMs - 1).padEnd(9)} `;
  const shown = lanes.map((lane) => laneText(lane, toMs));
  const rows = Array.from({ length: Math.ceil(shown.length / CLIENTS_IN_A_LINE) }, (_, row) =>
    shown.slice(row * CLIENTS_IN_A_LINE, (row + 1) * CLIENTS_IN_A_LINE).join("  "),
  );
  return rows.map((row, at) => `${at === 0 ? label : " ".repeat(label.length)}${row}`.trimEnd());
}

function laneText({ name, recording }: SceneLane, toMs: number): string {
  const fromMs = toMs - EVERY_MS;
  const { calls, requests, answered, gauges } = recording;
  const load = requests.between(fromMs, toMs) / Math.max(1, calls.between(fromMs, toMs));
  const circuit = gauges.at(toMs)?.circuit ?? "";
  const goodput = `${answered.between(fromMs, toMs)}/s`.padStart(4);
  return `${CLIENTS[name].title} ${goodput} ${load.toFixed(1)}x ${circuit}`.trimEnd();
}
