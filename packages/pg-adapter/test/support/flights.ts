import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import type { Address } from "./postgres/address.ts";

/** What went between clients and a server. */
export interface Flights {
  readonly connections: number;
  /** How often the side that speaks changed from server to client: each is a round trip. */
  readonly roundTrips: number;
  readonly bytesSent: number;
  readonly bytesAnswered: number;
  /** Each by its name, and its text where it has one: `Query select 1`. */
  readonly messages: readonly string[];
}

const NAMES: Readonly<Record<string, string>> = {
  Q: "Query",
  P: "Parse",
  B: "Bind",
  D: "Describe",
  E: "Execute",
  S: "Sync",
  H: "Flush",
  C: "Close",
  X: "Terminate",
  p: "Password",
};

/** Stands between clients and a server, and counts. */
export class FlightRecorder implements AsyncDisposable {
  readonly #target: Address;
  readonly #server: Server;
  #lines = 0;
  #trips = 0;
  #sent = 0;
  #answered = 0;
  #messages: string[] = [];

  private constructor(target: Address) {
    this.#target = target;
    this.#server = createServer((client) => this.#take(client));
  }

  static async to(target: Address): Promise<FlightRecorder> {
    const recorder = new FlightRecorder(target);
    recorder.#server.listen(0, "127.0.0.1");
    await once(recorder.#server, "listening");
    return recorder;
  }

  get address(): Address {
    return { ...this.#target, port: (this.#server.address() as AddressInfo).port };
  }

  /** What has been counted since the last time. */
  take(): Flights {
    const flights = {
      connections: this.#lines,
      roundTrips: this.#trips,
      bytesSent: this.#sent,
      bytesAnswered: this.#answered,
      messages: this.#messages,
    };
    [this.#lines, this.#trips, this.#sent, this.#answered, this.#messages] = [0, 0, 0, 0, []];
    return flights;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }

  #take(client: Socket): void {
    this.#lines++;
    const server = connect(this.#target.port, this.#target.host);
    let isStarting = true;
    let hasAnswered = true;
    client.on("data", (said) => {
      if (hasAnswered) this.#trips++;
      hasAnswered = false;
      this.#sent += said.length;
      this.#messages.push(...(isStarting ? ["Startup"] : messagesIn(said)));
      isStarting = false;
      server.write(said);
    });
    server.on("data", (said) => {
      hasAnswered = true;
      this.#answered += said.length;
      client.write(said);
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on("end", () => other.end()).on("error", () => other.destroy());
  }
}

/** pg writes whole messages. */
function messagesIn(said: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at < said.length; at += 1 + said.readUInt32BE(at + 1)) {
    const kind = String.fromCharCode(said[at] ?? 0);
    const length = said.readUInt32BE(at + 1);
    const text = kind === "Q" ? ` ${said.toString("utf8", at + 5, at + length)}` : "";
    messages.push(`${NAMES[kind] ?? kind}${text}`);
  }
  return messages;
}
