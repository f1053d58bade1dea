import { getEventListeners } from "node:events";
import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { bulkhead, circuitBreaker, retry, retryBudget } from "@breakwater/core";
import axios from "axios";
import { expect, it } from "vitest";
import { install } from "../src/index.js";

/** So that a failure can be looked at again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

it(
  "10,000 requests with random faults and aborts all settle, leak nothing, and stay within the budget",
  { timeout: 120_000 },
  async () => {
    const chance = random(20_261_124);
    let requests = 0;
    const server = createServer((request, response) => {
      requests++;
      const dice = chance();
      request.resume();
      if (dice < 0.05) return void request.socket.destroy();
      if (dice < 0.1) return void response.writeHead(503).end();
      if (dice < 0.12)
        return void response
          .writeHead(200, { "content-length": "9" })
          .write("half", () => request.socket.destroy());
      if (dice < 0.14) return void response.writeHead(429, { "retry-after": "0.01" }).end();
      if (dice < 0.142) return; // for ever
      setTimeout(() => response.end("fine"), dice * 5);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const httpAgent = new Agent({ keepAlive: true, maxSockets: 50 });
    const client = axios.create({ baseURL: `http://127.0.0.1:${port}`, httpAgent, timeout: 500 });
    const reserve = 20;
    const limit = 50;
    install(
      client,
      circuitBreaker({ failureRatio: 1 }),
      retryBudget({ ratio: 0.2, reserve }),
      retry({ baseMs: 1 }),
      bulkhead({ limit, queueLimit: 10_000, queueWaitMs: "60s" }),
    );
    const shared = new AbortController();
    let settled = 0;
    const one = async (index: number): Promise<void> => {
      const own = new AbortController();
      if (chance() < 0.05) setTimeout(() => own.abort(), chance() * 20);
      const signal = index % 10 === 0 ? shared.signal : own.signal;
      const data = index % 3 === 0 ? "x" : undefined;
      await client
        .request({ method: index % 3 === 0 ? "POST" : "GET", data, signal })
        .catch(() => {});
      settled++;
    };
    const CALLS = 10_000;
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < CALLS) await one(next++);
    };
    await Promise.all(Array.from({ length: 100 }, worker));
    expect(settled).toBe(CALLS);
    expect(requests).toBeGreaterThan(CALLS * 0.9);
    expect(requests).toBeLessThanOrEqual(CALLS * 1.2 + reserve + 1);

    const permits = await Promise.all(
      Array.from({ length: limit }, () =>
        client.get("/", {
          adapter: async (config) => ({
            config,
            data: "",
            status: 200,
            statusText: "",
            headers: {},
          }),
        }),
      ),
    );
    expect(permits).toHaveLength(limit);
    expect(getEventListeners(shared.signal, "abort")).toHaveLength(0);
    httpAgent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(
      process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap"),
    ).toHaveLength(0);
  },
);
