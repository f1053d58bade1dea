import { getEventListeners } from "node:events";
import { Agent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { bulkhead, circuitBreaker, retry, retryBudget } from "@breakwater/core";
import axios, { type AxiosInstance, type InternalAxiosRequestConfig } from "axios";
import { expect, it, onTestFinished, vi } from "vitest";
import { install } from "../src/index.js";

const CALLS = 10_000;
const CALLERS = 100;
const LIMIT = 50;
const RATIO = 0.2;
const RESERVE = 20;

/** So that a failure can be looked at again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** One request in seven goes wrong, in one way or another. */
function behave(dice: number, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  if (dice < 0.05) request.socket.destroy();
  else if (dice < 0.1) response.writeHead(503).end();
  else if (dice < 0.12)
    response
      .writeHead(200, { "content-length": "9" })
      .write("half", () => request.socket.destroy());
  else if (dice < 0.14) response.writeHead(429, { "retry-after": "0.01" }).end();
  else if (dice >= 0.142) setTimeout(() => response.end("1"), dice * 5); // else never
}

/** Sends one after the other, as many callers do at once; one in twenty gives up soon. */
async function call(client: AxiosInstance, chance: () => number, shared: AbortSignal) {
  let [begun, settled] = [0, 0];
  const caller = async (): Promise<void> => {
    while (begun < CALLS) {
      const index = begun++;
      const own = new AbortController();
      const timer = chance() < 0.05 ? setTimeout(() => own.abort(), chance() * 20) : undefined;
      const signal = index % 10 === 0 ? shared : own.signal;
      const body = index % 3 === 0 ? { method: "POST", data: "x" } : { method: "GET" };
      await client.request({ ...body, signal }).catch(() => {});
      clearTimeout(timer);
      settled++;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return settled;
}

const atOnce = async (config: InternalAxiosRequestConfig) => ({
  config,
  data: "",
  status: 200,
  statusText: "OK",
  headers: {},
});

const inUse = (kind: string): number =>
  process.getActiveResourcesInfo().filter((name) => name === kind).length;

it(
  "10,000 requests with random faults and aborts all settle, leak nothing, and stay within the budget",
  { timeout: 180_000 },
  async () => {
    // Thousands of errors, each with a stack that is mapped to its sources, would be most of the time this takes.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    onTestFinished(() => void (Error.stackTraceLimit = stackTraceLimit));
    const before = { timers: inUse("Timeout"), sockets: inUse("TCPSocketWrap") };
    const chance = random(20_261_124);
    let requests = 0;
    const server = createServer((request, response) => {
      requests++;
      behave(chance(), request, response);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const httpAgent = new Agent({ keepAlive: true, maxSockets: LIMIT });
    const client = axios.create({ baseURL: `http://127.0.0.1:${port}`, httpAgent, timeout: 500 });
    install(
      client,
      circuitBreaker({ failureRatio: 1, minimumCalls: CALLS }), // a machine that is busy must not open it
      retryBudget({ ratio: RATIO, reserve: RESERVE }),
      retry({ baseMs: 1 }),
      bulkhead({ limit: LIMIT, queueLimit: CALLS, queueWaitMs: "5m" }),
    );
    const shared = new AbortController();

    expect(await call(client, chance, shared.signal)).toBe(CALLS);
    expect(requests).toBeGreaterThan(CALLS * 0.9);
    // One token of the reserve comes back each 30 s.
    expect(requests).toBeLessThanOrEqual(CALLS * (1 + RATIO) + RESERVE + 6);

    const all = { length: LIMIT };
    const permits = Array.from(all, async () => client.get("/", { adapter: atOnce }));
    expect(await Promise.all(permits)).toHaveLength(LIMIT);
    expect(getEventListeners(shared.signal, "abort")).toHaveLength(0);
    httpAgent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await vi.waitFor(() => {
      expect(inUse("TCPSocketWrap")).toBeLessThanOrEqual(before.sockets);
      expect(inUse("Timeout")).toBeLessThanOrEqual(before.timers + 1); // that of waitFor
    }, 5_000);
  },
);
