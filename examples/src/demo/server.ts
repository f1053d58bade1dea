// The dependency: a real HTTP server in a process of its own. It misbehaves as it is told, and counts what it gets.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Behaviour, ServerReport } from "./flaky-server.js";

const SLOW_MS = 2_000;

let behaviour: Behaviour = "healthy";
let requests = 0;
let requestsInPhase = 0;
let port = 0;

const server = createServer((request, response) => {
  requests++;
  // The first of every two, so that one retry is enough.
  const everySecond = requestsInPhase++ % 2 === 0;
  if (behaviour === "resets" && everySecond) request.socket.resetAndDestroy();
  else if (behaviour === "errors" && everySecond) answer(response, 500);
  else if (behaviour === "slow") answerLate(request, response);
  else answer(response, 200);
});

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ rate: 1.0834, status }));
}

function answerLate(request: IncomingMessage, response: ServerResponse): void {
  const timer = setTimeout(answer, SLOW_MS, response, 200);
  request.socket.once("close", () => clearTimeout(timer));
}

function behave(next: Behaviour): void {
  const isOpen = behaviour !== "gone";
  behaviour = next;
  requestsInPhase = 0;
  if (next === "gone" && isOpen) {
    server.close(report);
    server.closeAllConnections();
  } else if (next !== "gone" && !isOpen) listen(report);
  else report();
}

function listen(then: () => void): void {
  server.listen(port, "127.0.0.1", then);
}

function report(): void {
  const message: ServerReport = { port, requests };
  process.send?.(message);
}

process.on("message", behave);
// Without the demo there is nobody to be flaky for, however it ended.
process.on("disconnect", () => process.exit());
// A Ctrl-C reaches the whole process group; the demo decides when this process ends.
process.on("SIGINT", () => {});

listen(() => {
  ({ port } = server.address() as AddressInfo);
  report();
});
