import { circuitBreaker, deadline, explainError, retryBudget } from "@breakwater/core";
import axios from "axios";
import { describe, expect, it } from "vitest";
import { install } from "../src/index.js";
import { CLIENTS, quickly, rejectionOf } from "./support/clients.js";
import { answer, closedPort, serve } from "./support/server.js";

describe.each(CLIENTS)("retries by method, with axios $version and $adapter", ({ create }) => {
  it.each(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])("%s is repeated", async (method) => {
    const server = await serve(answer(500));
    const client = create({ baseURL: server.url });
    install(client, quickly());
    await rejectionOf(client.request({ method }));
    expect(server.received).toHaveLength(3);
  });

  it.each(["POST", "PATCH"])(
    "%s is not repeated once it may have been processed",
    async (method) => {
      const server = await serve(answer(500));
      const client = create({ baseURL: server.url });
      install(client, quickly());
      const error = await rejectionOf(client.request({ method }));
      expect(explainError(error)?.stoppedBy).toBe("unsafe");
      expect(server.received).toHaveLength(1);
    },
  );

  it("POST is repeated with an Idempotency-Key of the caller's, which stays", async () => {
    const server = await serve(answer(500), answer(200));
    const client = create({ baseURL: server.url });
    install(client, quickly());
    await client.post("/", { a: 1 }, { headers: { "Idempotency-Key": '"mine"' } });
    expect(server.received.map(({ headers }) => headers["idempotency-key"])).toEqual([
      '"mine"',
      '"mine"',
    ]);
  });

  it("POST gets a key of its own where that is on, quoted, and the same in each attempt", async () => {
    const server = await serve(answer(500), answer(200), answer(200));
    const client = create({ baseURL: server.url });
    install(client, quickly(), { idempotencyKey: true });
    await client.post("/", { a: 1 });
    await client.post("/", { a: 1 });
    const [first, second, other] = server.received.map(({ headers }) => headers["idempotency-key"]);
    expect(first).toMatch(/^"[\da-f-]{36}"$/);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
  });
});

describe("an Idempotency-Key", () => {
  it("may be made by a function, per instance and per request, and is escaped", async () => {
    const server = await serve(answer(200));
    const client = axios.create({ baseURL: server.url });
    install(client, quickly(), { idempotencyKey: ({ data }) => `a"${String(data)}` });
    await client.post("/", "x");
    await client.post("/", "x", { resilience: { idempotencyKey: false } });
    await client.post("/", "x", { resilience: { idempotencyKey: () => "order-1" } });
    await client.get("/");
    expect(server.received.map(({ headers }) => headers["idempotency-key"])).toEqual([
      String.raw`"a\"x"`,
      undefined,
      '"order-1"',
      undefined,
    ]);
  });

  it("that is no text is an error, and nothing is sent", async () => {
    const server = await serve(answer(200));
    const client = axios.create({ baseURL: server.url });
    install(client, { idempotencyKey: () => 7 as unknown as string });
    expect(await rejectionOf(client.post("/"))).toMatchObject({ code: "ERR_INVALID_SPEC" });
    expect(server.received).toHaveLength(0);
  });
});

describe("options of one request", () => {
  it("say how many attempts, whether it is idempotent, and that it goes unprotected", async () => {
    const server = await serve(answer(500));
    const client = axios.create({ baseURL: server.url });
    install(client, quickly());
    const sentBy = async (method: string, resilience: object): Promise<number> => {
      const before = server.received.length;
      await rejectionOf(client.request({ method, resilience }));
      return server.received.length - before;
    };
    expect(await sentBy("GET", { maxAttempts: 2 })).toBe(2);
    expect(await sentBy("GET", { idempotent: false })).toBe(1);
    expect(await sentBy("POST", { idempotent: true })).toBe(3);
    expect(await sentBy("GET", { off: true })).toBe(1);
  });

  it.each([
    [{ maxAttempts: 0 }, /config\.resilience\.maxAttempts: expected a whole number from 1 to 100/],
    [{ deadlineMs: "soon" }, /config\.resilience\.deadlineMs: expected a duration/],
    [{ retries: 3 }, /config\.resilience\.retries: expected one of policy, key/],
    [{ policy: "unheard-of" }, /No policy is named "unheard-of"/],
    ["off", /config\.resilience: expected an object/],
  ])(
    "that make no sense reject this request only, and nothing is sent: %j",
    async (wrong, message) => {
      const server = await serve(answer(200));
      const client = axios.create({ baseURL: server.url });
      install(client);
      const error = await rejectionOf(client.get("/", { resilience: wrong as object }));
      expect(error.message).toMatch(message);
      expect(server.received).toHaveLength(0);
      expect((await client.get("/")).status).toBe(200);
    },
  );
});

describe("a hint of the server", () => {
  it("is waited for", async () => {
    const server = await serve(answer(503, { "retry-after": "1" }), answer(200));
    const client = axios.create({ baseURL: server.url });
    install(client, quickly());
    const beganMs = performance.now();
    await client.post("/");
    expect(performance.now() - beganMs).toBeGreaterThan(990);
  });

  it("beyond the deadline fails now, and the error says when to come back", async () => {
    const server = await serve(answer(503, { "retry-after": "20" }));
    const client = axios.create({ baseURL: server.url });
    install(client, quickly(), deadline("10s"));
    const beganMs = performance.now();
    const error = await rejectionOf(client.get("/"));
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    expect(error.response.headers["retry-after"]).toBe("20");
    expect(explainError(error)?.stoppedBy).toBe("deadline");
  });
});

describe("a response that means failure", () => {
  it("with status 200 is retried, and the last one is what the caller gets", async () => {
    const server = await serve(answer(200, {}, '{"ok":false}'));
    const client = axios.create({ baseURL: server.url });
    install(client, quickly(), { isFailure: ({ data }) => String(data).includes("false") });
    expect((await client.get("/")).data).toEqual({ ok: false });
    expect(server.received).toHaveLength(3);
  });

  it("may be told by a function that throws: that is reported, and the request goes on", async () => {
    const server = await serve(answer(200));
    const client = axios.create({ baseURL: server.url });
    const { on } = install(client, quickly(), {
      isFailure: () => {
        throw new Error("a bug");
      },
    });
    const heard: string[] = [];
    on("hook.failed", ({ hook }) => heard.push(hook));
    expect((await client.get("/")).status).toBe(200);
    expect(heard).toEqual(["classifier"]);
  });

  it("is one although validateStatus lets it through", async () => {
    const server = await serve(answer(503), answer(404));
    const client = axios.create({ baseURL: server.url, validateStatus: () => true });
    install(client, quickly());
    expect((await client.get("/")).status).toBe(404);
    expect(server.received).toHaveLength(2);
  });
});

describe("an open circuit", () => {
  it("sends nothing, and says which host, and until when, by an error that is not of axios", async () => {
    const port = await closedPort();
    const client = axios.create({ baseURL: `http://127.0.0.1:${port}` });
    install(client, circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" });
    await rejectionOf(client.get("/"));
    const error = await rejectionOf(client.get("/"));
    expect(error).toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
      policy: "crm",
      key: `127.0.0.1:${port}`,
    });
    expect(error.retryAfterMs).toBeGreaterThan(10_000);
    expect(axios.isAxiosError(error)).toBe(false);
  });

  it("is that of one host; another one is still called", async () => {
    const down = `http://127.0.0.1:${await closedPort()}`;
    const server = await serve(answer(200));
    const client = axios.create();
    install(client, circuitBreaker({ consecutiveFailures: 1 }));
    await rejectionOf(client.get(down));
    expect((await rejectionOf(client.get(down))).code).toBe("ERR_CIRCUIT_OPEN");
    expect((await client.get(server.url)).status).toBe(200);
  });

  it("is that of a key where one is given, by instance or request", async () => {
    const server = await serve(answer(500), answer(200));
    const client = axios.create({ baseURL: server.url });
    install(client, circuitBreaker({ consecutiveFailures: 1 }), { key: ({ url = "" }) => url });
    await rejectionOf(client.get("/a"));
    expect((await client.get("/b")).status).toBe(200);
    expect((await rejectionOf(client.get("/a"))).key).toBe("/a");
    expect((await client.get("/a", { resilience: { key: "other" } })).status).toBe(200);
  });

  it("stays closed for 4xx and for 429", async () => {
    const server = await serve(answer(404), answer(429));
    const client = axios.create({ baseURL: server.url });
    install(client, circuitBreaker({ consecutiveFailures: 1 }));
    for (let i = 0; i < 4; i++)
      expect((await rejectionOf(client.get("/"))).isAxiosError).toBe(true);
  });
});

describe("a retry budget", () => {
  it("bounds what an outage is sent", async () => {
    const server = await serve(answer(500));
    const client = axios.create({ baseURL: server.url });
    install(client, retryBudget({ ratio: 0.1, reserve: 2 }), quickly());
    for (let i = 0; i < 50; i++) await rejectionOf(client.get("/"));
    expect(server.received.length).toBeLessThanOrEqual(50 + 5 + 2 + 1);
  });
});

describe("beforeAttempt", () => {
  it("changes each attempt and nothing else", async () => {
    const server = await serve(answer(503), answer(200));
    const client = axios.create({ baseURL: server.url });
    install(client, quickly(), {
      beforeAttempt: async (config, attempt) =>
        void config.headers.set("X-Signature", `s${attempt}`),
    });
    await client.get("/");
    expect(server.received.map(({ headers }) => headers["x-signature"])).toEqual(["s1", "s2"]);
  });

  it("that throws gives the caller its error, and is not held against the host", async () => {
    const server = await serve(answer(200));
    const client = axios.create({ baseURL: server.url });
    const failure = new Error("no token");
    let fails = true;
    install(client, circuitBreaker({ consecutiveFailures: 1 }), quickly(), {
      beforeAttempt: () => {
        if (fails) throw failure;
      },
    });
    expect(await rejectionOf(client.get("/"))).toBe(failure);
    expect(server.received).toHaveLength(0);
    fails = false;
    expect((await client.get("/")).status).toBe(200);
  });
});

const transformResponse = (text: string): unknown => JSON.parse(text.slice(4));

describe.each(CLIENTS)("JSON that is none, with axios $version and $adapter", ({ create }) => {
  const strict = { responseType: "json", transitional: { silentJSONParsing: false } } as const;

  it("is a failure where axios is asked to say so: repeated, and held against the host", async () => {
    const server = await serve(answer(200, {}, '{"half":'), answer(200), answer(200, {}, "<html>"));
    const client = create({ baseURL: server.url, ...strict });
    install(client, circuitBreaker({ consecutiveFailures: 2 }), quickly(2));
    expect((await client.get("/")).data).toEqual({ status: 200 });
    const error = await rejectionOf(client.get("/"));
    expect(error).toMatchObject({ code: "ERR_BAD_RESPONSE", isAxiosError: true });
    expect(error.config.resilience.report.attempts).toHaveLength(2);
    expect((await rejectionOf(client.get("/"))).code).toBe("ERR_CIRCUIT_OPEN");
    expect(server.received).toHaveLength(4);
  });

  it("is not repeated where the request is not idempotent", async () => {
    const server = await serve(answer(200, {}, "<html>"));
    const client = create({ baseURL: server.url, ...strict });
    install(client, quickly());
    expect((await rejectionOf(client.post("/"))).code).toBe("ERR_BAD_RESPONSE");
    expect(server.received).toHaveLength(1);
  });

  it("is no failure where nobody asked, or where a transform of one's own comes first", async () => {
    const server = await serve(answer(200, {}, ")]}'1"));
    const client = create({ baseURL: server.url });
    install(client, quickly());
    expect((await client.get("/")).data).toBe(")]}'1");
    expect((await client.get("/", { ...strict, transformResponse })).data).toBe(1);
    expect(server.received).toHaveLength(2);
  });
});
