import { CLIENTS } from "../clients/catalogue.js";
import type { Audience } from "./audience.js";
import type { Frame } from "./frame.js";
import type { Scene, SceneLane } from "./scene.js";

const EVERY_MS = 1_000;

/** One line a second, for logs and pipes: goodput, load, and what the breaker does. */
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
    this.#write(lineOf(scene, second));
  }

  end(): void {
    this.#write("");
  }
}

function lineOf({ lanes, conditions }: Scene, second: number): string {
  const toMs = second * EVERY_MS;
  const condition = conditions.at(toMs - 1).padEnd(9);
  const shown = lanes.map((lane) => laneText(lane, toMs));
  return `${String(second).padStart(3)} s  ${condition} ${shown.join("  ")}`.trimEnd();
}

function laneText({ name, recording }: SceneLane, toMs: number): string {
  const fromMs = toMs - EVERY_MS;
  const { calls, requests, answered, gauges } = recording;
  const load = requests.between(fromMs, toMs) / Math.max(1, calls.between(fromMs, toMs));
  const circuit = gauges.at(toMs)?.circuit ?? "";
  const goodput = `${answered.between(fromMs, toMs)}/s`.padStart(4);
  return `${CLIENTS[name].title} ${goodput} ${load.toFixed(1)}x ${circuit}`.trimEnd();
}
