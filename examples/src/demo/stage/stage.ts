import type { ClientName } from "../clients/catalogue.js";
import { nowMs } from "../common/clock.js";
import { type Condition, Conditions } from "../measure/conditions.js";
import { Lane } from "./lane.js";

/** From the order to begin to the first call: all clients must have heard it by then. */
const LEAD_MS = 250;

/** All clients, each beside the others with a server of its own. What happens to one server happens to all. */
export class Stage {
  readonly lanes: readonly Lane[];
  readonly conditions = new Conditions();
  #originMs = Infinity;

  private constructor(names: readonly ClientName[], seed: number) {
    this.lanes = names.map((name) => new Lane(name, seed));
  }

  static async start(names: readonly ClientName[], seed: number): Promise<Stage> {
    const stage = new Stage(names, seed);
    await stage.#startUpstreams();
    return stage;
  }

  /** Since the first call was due; negative before. */
  get elapsedMs(): number {
    return nowMs() - this.#originMs;
  }

  begin(): void {
    this.#originMs = nowMs() + LEAD_MS;
    for (const lane of this.lanes) lane.begin(this.#originMs);
  }

  brownOut(): void {
    for (const { upstream } of this.lanes) upstream?.brownOut();
    this.#note("brown-out");
  }

  async heal(): Promise<void> {
    if (this.conditions.at(this.elapsedMs) === "down") await this.#startUpstreams();
    else for (const { upstream } of this.lanes) upstream?.heal();
    this.#note("healthy");
  }

  kill(): void {
    for (const { upstream } of this.lanes) upstream?.kill();
    this.#note("down");
  }

  finish(): void {
    for (const lane of this.lanes) lane.finish();
  }

  async lost(): Promise<never> {
    return Promise.race(this.lanes.map(async (lane) => lane.lost()));
  }

  /** Leaves no process behind. */
  close(): void {
    for (const lane of this.lanes) lane.kill();
  }

  #note(condition: Condition): void {
    this.conditions.set(this.elapsedMs, condition);
  }

  async #startUpstreams(): Promise<void> {
    await Promise.all(this.lanes.map(async (lane) => lane.startUpstream()));
  }
}
