import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What the server does with its requests. `gone`: it listens no more, so connections are refused. */
export type Behaviour = "healthy" | "resets" | "errors" | "slow" | "gone";

/** What the server process tells after each change. */
export interface ServerReport {
  readonly port: number;
  /** Requests that reached it, by its own count. */
  readonly requests: number;
}

/** The server process, seen from here. */
export class FlakyServer {
  readonly #child: ChildProcess;
  #last: ServerReport;

  private constructor(child: ChildProcess, first: ServerReport) {
    this.#child = child;
    this.#last = first;
  }

  static async start(): Promise<FlakyServer> {
    const child = fork(fileURLToPath(new URL("./server.js", import.meta.url)), { execArgv: [] });
    return new FlakyServer(child, await nextReport(child));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#last.port}`;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** As of the last change of behaviour. */
  get requests(): number {
    return this.#last.requests;
  }

  async behave(behaviour: Behaviour): Promise<void> {
    const report = nextReport(this.#child);
    this.#child.send(behaviour);
    this.#last = await report;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill();
    await ended;
  }
}

async function nextReport(child: ChildProcess): Promise<ServerReport> {
  const answered = new AbortController();
  const { signal } = answered;
  const reported = once(child, "message", { signal });
  const ended = once(child, "exit", { signal }).then(() => {
    throw new Error("the server process ended by itself");
  });
  try {
    const [report] = (await Promise.race([reported, ended])) as [ServerReport];
    return report;
  } finally {
    answered.abort();
  }
}
