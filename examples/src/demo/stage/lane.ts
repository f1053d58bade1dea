import type { ClientName } from "../clients/catalogue.js";
import { nowMs } from "../common/clock.js";
import type { LoadOrder, LoadReport, Ready } from "../load/messages.js";
import { Recording } from "../measure/recording.js";
import { Child } from "./child.js";
import { Upstream } from "./upstream.js";

const SCRIPT = new URL("../load/load-process.js", import.meta.url);

/** One client with its users, and a server of its own: two processes, and what they have told. */
export class Lane {
  readonly name: ClientName;
  readonly recording = new Recording();
  isOn = true;
  readonly #seed: number;
  readonly #load: Child<LoadOrder, LoadReport | Ready>;
  #beReady = (): void => {};
  #upstream: Upstream | undefined;
  /** When the first call is due. Nothing that happens before it is recorded. */
  #originMs = Infinity;

  constructor(name: ClientName, seed: number) {
    this.name = name;
    this.#seed = seed;
    this.#load = new Child(SCRIPT, [name, String(seed)], (report) => this.#hear(report));
  }

  get upstream(): Upstream | undefined {
    return this.#upstream;
  }

  /** Also in place of one that was killed: it gets a port of its own, and the client is told. Resolves when they have met. */
  async startUpstream(): Promise<void> {
    this.#upstream = await Upstream.start(this.#seed, (requestsMs) =>
      this.recording.addRequests(requestsMs, this.#originMs),
    );
    const ready = new Promise<void>((resolve) => (this.#beReady = resolve));
    this.#load.send({ url: this.#upstream.url });
    await ready;
  }

  begin(originMs: number): void {
    this.#originMs = originMs;
    this.#load.send({ firstCallMs: originMs });
  }

  switch(isOn: boolean): void {
    this.isOn = isOn;
    this.#load.send({ isOn });
  }

  finish(): void {
    this.#load.send("finish");
  }

  /** Rejects when one of its processes ends, which none should by itself. */
  async lost(): Promise<never> {
    await Promise.race([this.#load.ended(), this.#upstream?.ended()]);
    throw new Error(`a process of the ${this.name} client has ended`);
  }

  kill(): void {
    this.#load.kill();
    this.#upstream?.kill();
  }

  #hear(report: LoadReport | Ready): void {
    const elapsedMs = nowMs() - this.#originMs;
    if ("isReady" in report) this.#beReady();
    else if (elapsedMs >= 0) this.recording.addLoad(report, elapsedMs, this.#originMs);
  }
}
