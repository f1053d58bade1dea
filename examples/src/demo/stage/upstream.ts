import { UPSTREAM } from "../scenario.js";
import type { UpstreamOrder, UpstreamReport } from "../upstream/messages.js";
import { Child } from "./child.js";

const SCRIPT = new URL("../upstream/upstream-process.js", import.meta.url);

/** The server process of one client, seen from the demo. */
export class Upstream {
  readonly url: string;
  readonly #child: Child<UpstreamOrder, UpstreamReport>;

  private constructor(child: Child<UpstreamOrder, UpstreamReport>, port: number) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(
    seed: number,
    hearRequests: (requestsMs: readonly number[]) => void,
  ): Promise<Upstream> {
    return new Promise((resolve, reject) => {
      const child = new Child<UpstreamOrder, UpstreamReport>(SCRIPT, [String(seed)], (report) => {
        if ("port" in report) resolve(new Upstream(child, report.port));
        else hearRequests(report.requestsMs);
      });
      void child.ended().then(() => reject(new Error("a server process ended before it listened")));
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  brownOut(): void {
    this.#child.send({ workers: UPSTREAM.brownOutWorkers });
  }

  heal(): void {
    this.#child.send({ workers: UPSTREAM.workers });
  }

  kill(): void {
    this.#child.kill();
  }

  ended(): Promise<unknown> {
    return this.#child.ended();
  }
}
