import { circuitBreaker } from "@breakwater/core";
import axios from "axios";
import { setupCache } from "axios-cache-interceptor";
import MockAdapter from "axios-mock-adapter";
import axiosRetry from "axios-retry";
import nock from "nock";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { install } from "../src/index.js";
import { CLIENTS, quickly, rejectionOf, VERSION_NAMES, VERSIONS } from "./support/clients.js";
import { answer, closedPort, serve } from "./support/server.js";

describe.each(CLIENTS)("axios-retry beside us, with axios $version and $adapter", ({ create }) => {
  const warn = vi.spyOn(process, "emitWarning");
  beforeEach(() => void warn.mockReset().mockImplementation(() => {}));

  it.each(["before", "after"])(
    "put on %s us makes no retries of its own, and a warning says so once",
    async (when) => {
      const server = await serve(answer(503));
      const client = create({ baseURL: server.url });
      if (when === "before") axiosRetry(client, { retries: 3 });
      install(client, quickly());
      if (when === "after") axiosRetry(client, { retries: 3 });
      await rejectionOf(client.get("/"));
      await rejectionOf(client.get("/"));
      expect(server.received).toHaveLength(6);
      expect(warn).toHaveBeenCalledOnce();
      expect(warn.mock.calls[0]?.[0]).toMatch(/axios-retry is on the same axios instance/);
    },
  );

  it("keeps its retries where we make none", async () => {
    const server = await serve(answer(503));
    const client = create({ baseURL: server.url });
    axiosRetry(client, { retries: 2 });
    install(client, circuitBreaker());
    await rejectionOf(client.get("/"));
    expect(server.received).toHaveLength(3);
    expect(warn).not.toHaveBeenCalled();
  });

  it("does not repeat what we refuse", async () => {
    const client = create({ baseURL: `http://127.0.0.1:${await closedPort()}` });
    const { on } = install(client, circuitBreaker({ consecutiveFailures: 1 }));
    let refused = 0;
    on("call.refused", ({ count }) => (refused += count));
    await rejectionOf(client.get("/"));
    axiosRetry(client, { retries: 3, retryCondition: () => true });
    expect((await rejectionOf(client.get("/"))).code).toBe("ERR_CIRCUIT_OPEN");
    expect(refused).toBe(1);
  });
});

// It takes axios 1.19 and newer.
describe("axios-cache-interceptor beside us", () => {
  it.each(["before", "after"])(
    "put on %s us answers from its cache without a call of ours",
    async (when) => {
      const server = await serve(answer(200, { "cache-control": "max-age=60" }));
      const client = axios.create({ baseURL: server.url });
      const cache = (): unknown => setupCache(client);
      if (when === "before") cache();
      const verdicts: string[] = [];
      install(client, quickly()).on("attempt.settled", ({ verdict }) => verdicts.push(verdict));
      if (when === "after") cache();
      await client.get("/");
      await client.get("/");
      expect(server.received).toHaveLength(1);
      expect(verdicts).toEqual(["success"]);
    },
  );
});

describe.each(VERSION_NAMES)("axios-mock-adapter beside us, with axios %s", (version) => {
  it("answers as a server would, and its answers are judged", async () => {
    const client = VERSIONS[version].create({ baseURL: "http://crm.example" });
    install(client, quickly());
    const mock = new MockAdapter(client as never);
    mock.onGet("/").replyOnce(503).onGet("/").reply(200, { fine: true });
    mock.onGet("/down").networkError();
    expect((await client.get("/")).data).toEqual({ fine: true });
    expect((await rejectionOf(client.get("/down"))).config.resilience.report.attempts).toHaveLength(
      3,
    );
  });
});

describe.each(CLIENTS)("nock beside us, with axios $version and $adapter", ({ create }) => {
  beforeEach(() => {
    if (!nock.isActive()) nock.activate();
  });
  afterEach(() => nock.restore());

  it("answers as a server would", async () => {
    nock("http://crm.example").get("/").reply(503).get("/").reply(200, { fine: true });
    const client = create({ baseURL: "http://crm.example" });
    install(client, quickly());
    expect((await client.get("/")).data).toEqual({ fine: true });
  });
});

describe("a proxy from the environment", () => {
  it("gets each attempt", async () => {
    const proxy = await serve(answer(503), answer(200));
    vi.stubEnv("http_proxy", proxy.url);
    vi.stubEnv("no_proxy", "");
    const client = axios.create({ baseURL: "http://crm.example", adapter: "http" });
    install(client, quickly());
    const { config } = await client.get("/x");
    vi.unstubAllEnvs();
    expect(proxy.received.map(({ url }) => url)).toEqual([
      "http://crm.example/x",
      "http://crm.example/x",
    ]);
    expect(config.resilience?.report?.key).toBe("crm.example");
  });
});
