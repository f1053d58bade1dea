import {
  bulkhead,
  circuitBreaker,
  explainError,
  resilient,
  retry,
  timeout,
} from "@breakwater/core";
import { describe, expect, it, vi } from "vitest";
import { install } from "../src/index.js";
import { CLIENTS, quickly, rejectionOf } from "./support/clients.js";
import { answer, hang, resetMidway, serve } from "./support/server.js";

describe.each(CLIENTS)("requests in shadow, with axios $version and $adapter", ({ create }) => {
  const shadow = { mode: "shadow" } as const;

  it("are sent once each, whatever comes back, and none is refused", async () => {
    const server = await serve(answer(503));
    const client = create({ baseURL: server.url });
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    install(client, breaker, quickly(), shadow);
    for (let n = 0; n < 3; n++) {
      const error = await rejectionOf(client.get("/"));
      expect(error.response.status).toBe(503);
      expect(error.config.resilience.report.attempts).toHaveLength(1);
      expect(explainError(error)?.attempts).toHaveLength(1);
    }
    expect(server.received).toHaveLength(3);
    expect(breaker.twin().state(server.host)).toBe("open");
    expect(breaker.state(server.host)).toBe("closed");
  });

  it("go out when they are sent: nobody waits for room, nor for `ready()`", async () => {
    const server = await serve(hang, answer(200));
    const client = create({ baseURL: server.url });
    const policy = resilient(bulkhead({ limit: 1, queueLimit: 5 }), circuitBreaker(), shadow);
    install(client, policy);
    const controller = new AbortController();
    const hung = rejectionOf(client.get("/", { signal: controller.signal }));
    await vi.waitFor(() => expect(server.received).toHaveLength(1));
    await policy.ready({ key: server.host });
    expect((await client.get("/")).status).toBe(200);
    controller.abort();
    expect((await hung).code).toBe("ERR_CANCELED");
  });

  it("are given no time limit that they would not have without a policy", async () => {
    const server = await serve(answer(200));
    const client = create({ baseURL: server.url });
    for (const parts of [[circuitBreaker()], [timeout("1ms"), circuitBreaker()]]) {
      const { eject } = install(client, ...parts, shadow);
      const { config } = await client.get("/");
      expect(config.timeout).toBe(0);
      eject();
    }
  });

  it("tell the books of a stream that breaks while it is read, and its reader of the break", async () => {
    const server = await serve(resetMidway);
    const client = create({ baseURL: server.url });
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    install(client, breaker, quickly(), shadow);
    const { data } = await client.get("/", { responseType: "stream" });
    const read = async (): Promise<void> => {
      for await (const _ of data as AsyncIterable<unknown>);
    };
    expect(await rejectionOf(read())).toBeInstanceOf(Error);
    await vi.waitFor(() => expect(breaker.twin().state(server.host)).toBe("open"));
  });

  it("leave axios-retry alone, as nothing else repeats them", async () => {
    const server = await serve(answer(200));
    const client = create({ baseURL: server.url });
    client.interceptors.request.use((config) =>
      Object.assign(config, { "axios-retry": { retries: 3 } }),
    );
    install(client, retry(), shadow);
    const { config } = await client.get("/");
    expect(config).toMatchObject({ "axios-retry": { retries: 3 } });
  });

  it("of a host that the canary takes are protected, those of another are not", async () => {
    const [one, other] = [await serve(answer(503)), await serve(answer(503))];
    const client = create();
    // Which of two ports is taken, chance says: so the salt is looked for.
    const salt = saltThatParts(one.host, other.host);
    install(client, circuitBreaker({ consecutiveFailures: 1 }), {
      name: "crm",
      canary: { ratio: 0.5, by: "key", salt },
    });
    for (const { url } of [one, other, one, other]) await rejectionOf(client.get(url));
    expect(one.received).toHaveLength(1);
    expect(other.received).toHaveLength(2);
  });
});

/** With it a canary takes the first and not the second. */
function saltThatParts(first: string, second: string): string {
  for (let n = 0; ; n++)
    if (takes(`salt ${n}`, first) && !takes(`salt ${n}`, second)) return `salt ${n}`;
}

function takes(salt: string, instance: string): boolean {
  vi.stubEnv("BREAKWATER_INSTANCE", instance);
  const { mode } = resilient({ name: "looking", canary: { ratio: 0.5, salt } }).explain();
  vi.unstubAllEnvs();
  return mode === "enforce";
}
