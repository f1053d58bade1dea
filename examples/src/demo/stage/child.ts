import { type ChildProcess, fork, type Serializable } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A process that the demo has started. It ends with the demo, however that ends. */
export class Child<Order extends Serializable, Report> {
  readonly #process: ChildProcess;

  /** `script` is a URL of a compiled file of the demo. */
  constructor(script: URL, args: readonly string[], hear: (report: Report) => void) {
    this.#process = fork(fileURLToPath(script), args, { execArgv: [] });
    this.#process.on("message", (report) => hear(report as Report)); // each script sends its own kind only
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Resolves when it has ended by itself, or was killed. */
  ended(): Promise<unknown> {
    const { exitCode, signalCode } = this.#process;
    return exitCode === null && signalCode === null
      ? once(this.#process, "exit")
      : Promise.resolve();
  }

  send(order: Order): void {
    if (this.#process.connected) this.#process.send(order, undefined, {}, () => {});
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}
