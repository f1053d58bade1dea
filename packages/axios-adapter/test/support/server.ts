import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { onTestFinished } from "vitest";

/** How the server takes one request. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

/** What arrived. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface TestServer {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly received: readonly Received[];
  /** How many connections it has taken. */
  readonly connections: () => number;
}

/** A real server on loopback: takes the requests one by one as it is told, the last way for all further ones. */
export async function serve(...script: readonly Behaviour[]): Promise<TestServer> {
  return start((listener) => createServer(listener), "http", script);
}

export async function serveTls(
  options: { key: string; cert: string },
  ...script: readonly Behaviour[]
): Promise<TestServer> {
  return start((listener) => createTlsServer(options, listener), "https", script);
}

async function start(
  make: (listener: RequestListener) => Server & { closeAllConnections(): void },
  protocol: string,
  script: readonly Behaviour[],
): Promise<TestServer> {
  const received: Received[] = [];
  let connections = 0;
  let requests = 0;
  const server = make((request, response) => {
    const behave = script[Math.min(requests++, script.length - 1)] ?? answer(200);
    let body = "";
    request.setEncoding("latin1").on("data", (chunk: string) => (body += chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      received.push({ method, url, headers, body });
      behave(request, response);
    });
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return { url: `${protocol}://${host}`, host, port, received, connections: () => connections };
}

export const answer =
  (
    status: number,
    headers: Record<string, string> = {},
    body = `{"status":${status}}`,
  ): Behaviour =>
  (_request, response) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);

/** Closes the connection without an answer. */
export const reset: Behaviour = (request) => void request.socket.resetAndDestroy();

/**
 * After what was written has been read, here in this process: a loop that was blocked runs its timers first, and a reset
 * takes along what nobody has read.
 */
const onceRead = (then: () => void): void =>
  void setTimeout(() => void setTimeout(() => void setTimeout(then, 10), 10), 10);

/** Promises more than it sends, and resets the connection midway. */
export const resetMidway: Behaviour = (request, response) => {
  response.writeHead(200, { "content-length": "1000" }).write('{"half":');
  onceRead(() => request.socket.resetAndDestroy());
};

/** The same, but it ends the connection as if all had been said. */
export const cutMidway: Behaviour = (request, response) => {
  response.writeHead(200, { "content-length": "1000" }).write('{"half":');
  onceRead(() => request.socket.end());
};

/** Takes the request, and is never heard of again. */
export const hang: Behaviour = () => {};

/** Sends its headers and a piece, and no more. */
export const stall: Behaviour = (_request, response) =>
  void response.writeHead(200, { "content-length": "1000" }).write('{"half":');

export const after =
  (ms: number, behave: Behaviour): Behaviour =>
  (request, response) =>
    void setTimeout(() => behave(request, response), ms);

/** A port of loopback on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
