import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import type { Address } from "./postgres/address.ts";

/** What becomes of what clients and server say to each other, from now on, on all connections. */
export type Traffic =
  | "pass"
  /** A black hole: the connection stands, and nothing arrives. */
  | "hold"
  /** What clients say arrives; what the server answers does not. */
  | "drop answers"
  /** The other way round. */
  | "drop requests";

/** What is lost of a statement, together with its connection. */
export type Loss =
  /** It reaches the server and takes effect; the answer is lost. */
  | "answer"
  /** It never reaches the server. */
  | "request";

interface Rule {
  readonly statement: RegExp;
  readonly loss: Loss;
}

/** Stands between clients and a server, and does to them what networks do. */
export class FaultProxy implements AsyncDisposable {
  traffic: Traffic = "pass";
  readonly #target: Address;
  readonly #lines = new Set<Line>();
  #server: Server | undefined;
  #port = 0;
  #rule: Rule | undefined;

  private constructor(target: Address) {
    this.#target = target;
  }

  static async to(target: Address): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await proxy.accept();
    return proxy;
  }

  /** Where clients find it. */
  get address(): Address {
    return { ...this.#target, host: "127.0.0.1", port: this.#port };
  }

  /** How many connections stand. */
  get connections(): number {
    return this.#lines.size;
  }

  /** Takes connections again, after `refuse`. */
  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true }, (client) => this.#take(client));
    this.#server = server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Takes no new ones (ECONNREFUSED); those that stand go on. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Cuts every connection (ECONNRESET). */
  reset(): void {
    for (const line of this.#lines) line.reset();
  }

  /** Ends every connection towards the client in good order, without a word of the server. */
  halfClose(): void {
    for (const line of this.#lines) line.client.end();
  }

  /** The next statement that fits loses its request or its answer, and its connection; only that one. */
  loseNext(statement: RegExp, loss: Loss): void {
    this.#rule = { statement, loss };
  }

  async stop(): Promise<void> {
    this.refuse();
    for (const line of this.#lines) line.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** @internal */
  ruleFor(said: Buffer): Loss | undefined {
    if (this.#rule?.statement.test(said.toString("latin1")) !== true) return undefined;
    const { loss } = this.#rule;
    this.#rule = undefined;
    return loss;
  }

  #take(client: Socket): void {
    const { host, port } = this.#target;
    const server = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    const line = new Line(this, client, server);
    this.#lines.add(line);
    client.once("close", () => this.#lines.delete(line));
  }
}

/** One connection, both ends. */
class Line {
  readonly client: Socket;
  readonly #server: Socket;
  readonly #proxy: FaultProxy;
  #losesAnswer = false;

  constructor(proxy: FaultProxy, client: Socket, server: Socket) {
    this.#proxy = proxy;
    this.client = client;
    this.#server = server;
    client.on("data", (said) => this.#toServer(said));
    server.on("data", (said) => this.#toClient(said));
    client.on("end", () => server.end()).on("error", () => server.destroy());
    server.on("end", () => client.end()).on("error", () => client.resetAndDestroy());
    client.once("close", () => server.destroy());
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.#server.destroy();
  }

  #toServer(said: Buffer): void {
    const loss = this.#proxy.ruleFor(said);
    if (loss === "request") return this.reset();
    this.#losesAnswer = loss === "answer";
    const { traffic } = this.#proxy;
    if (traffic === "pass" || traffic === "drop answers") this.#server.write(said);
  }

  /** The answer is there, so the statement has taken effect. */
  #toClient(said: Buffer): void {
    if (this.#losesAnswer) return this.reset();
    const { traffic } = this.#proxy;
    if (traffic === "pass" || traffic === "drop requests") this.client.write(said);
  }
}
