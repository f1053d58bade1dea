import {
  circuitBreaker,
  currentCall,
  deadline,
  explainError,
  Resilient,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import type { AxiosError, AxiosInstance } from "axios";
import { describe, expect, it, vi } from "vitest";
import { install } from "../src/index.js";
import { CLIENTS, quickly, rejectionOf, VERSIONS } from "./support/clients.js";
import { after, answer, hang, serve, type TestServer } from "./support/server.js";

const arrived = (server: TestServer): Promise<void> =>
  vi.waitFor(() => expect(server.received).toHaveLength(1), 10_000);
const abortedIn = (ms: number, reason?: Error): AbortSignal => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), ms);
  return controller.signal;
};
const soon = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

describe.each(CLIENTS)(
  "a caller who gives up, with axios $version and $adapter",
  ({ create, version }) => {
    const { isCancel, CancelToken } = VERSIONS[version];

    it("by its signal ends the attempt as axios does, and is nobody's failure", async () => {
      const server = await serve(hang);
      const client = create({ baseURL: server.url });
      install(client, circuitBreaker({ consecutiveFailures: 1 }), quickly());
      const controller = new AbortController();
      const sent = rejectionOf(client.get("/", { signal: controller.signal }));
      await arrived(server);
      controller.abort();
      const error = await sent;
      expect(isCancel(error)).toBe(true);
      expect(server.received).toHaveLength(1);
      expect((await rejectionOf(client.get("/", { timeout: 50 }))).isAxiosError).toBe(true);
    });

    it("by a cancel token ends a wait between attempts at once, as axios does", async () => {
      const server = await serve(answer(503));
      const client = create({ baseURL: server.url });
      install(client, retry({ baseMs: "20s", jitter: "none" }));
      const { token, cancel } = CancelToken.source();
      const sent = rejectionOf(client.get("/", { cancelToken: token }));
      await arrived(server);
      await soon(100); // the answer is on its way, and then the wait begins
      cancel("enough");
      expect(isCancel(await sent)).toBe(true);
      expect(server.received).toHaveLength(1);
    });

    it.each([
      ["because time was up", () => AbortSignal.timeout(300)],
      ["with a reason", () => abortedIn(300, new Error("why"))],
      ["without a reason", () => abortedIn(300)],
    ])("%s gets the error that axios has for it, and no other attempt", async (_, signal) => {
      const server = await serve(hang);
      const plain = create({ baseURL: server.url });
      const client = create({ baseURL: server.url });
      install(client, quickly());
      const giveUp = async (instance: AxiosInstance): Promise<AxiosError> =>
        rejectionOf(instance.get("/", { signal: signal() }));
      const { name, code, message } = await giveUp(plain);
      expect(await giveUp(client)).toMatchObject({ name, code, message });
      expect(code).toBe("ERR_CANCELED");
      expect(server.received).toHaveLength(2);
    });

    it("because time was up by AbortSignal.timeout counts as a timeout of the host", async () => {
      const server = await serve(hang);
      const client = create({ baseURL: server.url });
      install(client, circuitBreaker({ consecutiveFailures: 1 }));
      expect(
        isCancel(await rejectionOf(client.get("/", { signal: AbortSignal.timeout(50) }))),
      ).toBe(true);
      expect((await rejectionOf(client.get("/"))).code).toBe("ERR_CIRCUIT_OPEN");
    });
  },
);

describe.each(CLIENTS)("config.timeout, with axios $version and $adapter", ({ create }) => {
  it.each([false, true])(
    "is a timeout of the attempt, with clarifyTimeoutError %s",
    async (clarifyTimeoutError) => {
      const server = await serve(hang);
      const defaults = { baseURL: server.url, timeout: 200, transitional: { clarifyTimeoutError } };
      const { code, message } = await rejectionOf(create(defaults).get("/"));
      const client = create(defaults);
      install(
        client,
        circuitBreaker({ timeoutRatio: 1, window: { count: 2 }, minimumCalls: 2 }),
        quickly(2),
      );
      const error = await rejectionOf(client.get("/"));
      expect(error).toMatchObject({ code, message });
      expect(explainError(error)?.attempts.map(({ verdict }) => verdict)).toEqual([
        "timeout",
        "timeout",
      ]);
      expect(server.received).toHaveLength(3);
      expect((await rejectionOf(client.get("/"))).code).toBe("ERR_CIRCUIT_OPEN");
    },
  );
});

describe("time limits", () => {
  const { create } = CLIENTS[0]!;

  it("a deadline cuts off an attempt that has a longer timeout, and does not blame the host", async () => {
    const server = await serve(hang);
    const client = create({ baseURL: server.url, timeout: 5_000 });
    install(client, quickly());
    const beganMs = performance.now();
    const error = await rejectionOf(client.get("/", { resilience: { deadlineMs: 100 } }));
    expect(performance.now() - beganMs).toBeLessThan(4_000);
    expect(error.code).toBe("ERR_DEADLINE_EXCEEDED");
  });

  it("a timeout of the policy counts where the request has none, instead of 10 s", async () => {
    const timeouts: unknown[] = [];
    const adapter = async (config: { timeout?: number }): Promise<never> => {
      timeouts.push(config.timeout);
      throw new Error("enough");
    };
    const limited = create({ adapter });
    install(limited, timeout("30s"));
    await rejectionOf(limited.get("http://a/"));
    const unlimited = create({ adapter });
    install(unlimited, circuitBreaker());
    await rejectionOf(unlimited.get("http://a/"));
    await rejectionOf(unlimited.get("http://a/", { timeout: 77 }));
    expect(timeouts).toEqual([0, 10_000, 77]);
  });

  it("a header tells the server what is left, anew in each attempt", async () => {
    const server = await serve(answer(503), answer(200));
    const client = create({ baseURL: server.url });
    install(client, retry({ baseMs: 200, jitter: "none" }), retryBudget(), deadline("5s"), {
      deadlineHeader: "X-Left",
    });
    await client.get("/");
    const [first, second] = server.received.map(({ headers }) => Number(headers["x-left"]));
    expect(first).toBeLessThanOrEqual(5_000);
    expect(second).toBeLessThan(first! - 150);
  });
});

const said = async (
  format: "ms" | "s" | "epoch-ms" | "grpc",
  timeoutMs: number,
): Promise<unknown> => {
  const client = CLIENTS[0]!.create({
    timeout: timeoutMs,
    adapter: async (config) => ({
      config,
      data: config.headers.get("X-Left"),
      status: 200,
      statusText: "",
      headers: {},
    }),
  });
  install(client, { deadlineHeader: { name: "X-Left", format } });
  return (await client.get("http://crm.example/", { responseType: "text" })).data;
};

describe("the header that tells the time an attempt has", () => {
  it.each([
    ["ms", 2_500, "2500"],
    ["s", 2_500, "2.500"],
    ["grpc", 2_500, "2500m"],
    ["grpc", 200_000_000, "200000S"],
  ] as const)("has as %s of %d ms: %s", async (format, ms, expected) => {
    expect(await said(format, ms)).toBe(expected);
  });

  it("has as epoch-ms the moment when it ends", async () => {
    const beganMs = Date.now();
    const endMs = Number(await said("epoch-ms", 2_500));
    expect(endMs - 2_500).toBeGreaterThanOrEqual(beganMs);
    expect(endMs - 2_500).toBeLessThanOrEqual(Date.now());
  });
});

describe("inside a decorated method", () => {
  const { create } = CLIENTS[0]!;

  it("a request ends with the call, is repeated by one of them only, and finds its signal", async () => {
    const server = await serve(answer(500));
    const client = create({ baseURL: server.url });
    install(client, quickly());
    class Service {
      @Resilient(quickly(), { idempotent: true })
      async ask(): Promise<unknown> {
        return client.get("/");
      }
    }
    const error = await rejectionOf(new Service().ask());
    expect(explainError(error)?.stoppedBy).toBe("nested");
    expect(server.received).toHaveLength(3);
  });

  it("a timeout of the method aborts the request inside", async () => {
    const server = await serve(hang);
    const client = create({ baseURL: server.url });
    install(client, circuitBreaker());
    let aborted: unknown;
    const outer = resilient(timeout("50ms"));
    const error = await rejectionOf(
      outer.execute(() => {
        const sent = client.get("/");
        sent.catch((reason: { code: string }) => (aborted = reason.code));
        return sent;
      }),
    );
    await soon(100);
    expect(error.code).toBe("ERR_ATTEMPT_TIMEOUT");
    expect(aborted).toBe("ERR_CANCELED");
  });

  it("a deadline of the method holds for the request", async () => {
    const server = await serve(hang);
    const client = create({ baseURL: server.url });
    install(client, quickly());
    const outer = resilient(deadline("100ms"));
    const beganMs = performance.now();
    const error = await rejectionOf(outer.execute(() => client.get("/")));
    expect(error.code).toBe("ERR_DEADLINE_EXCEEDED");
    expect(performance.now() - beganMs).toBeLessThan(4_000);
  });

  it("a deadline that is over already lets nothing out, and is not the host's", async () => {
    const server = await serve(answer(200));
    const client = create({ baseURL: server.url });
    install(client, circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" });
    const outer = resilient(deadline("30ms"));
    let inside: Promise<unknown> | undefined;
    await outer.execute(() => {
      const endMs = performance.now() + 60;
      while (performance.now() < endMs); // stands still, so that nobody can be told
      inside = rejectionOf(client.get("/"));
      return inside;
    });
    expect(await inside).toMatchObject({ code: "ERR_DEADLINE_EXCEEDED", policy: "crm" });
    expect(server.received).toHaveLength(0);
    expect((await client.get("/")).status).toBe(200);
  });

  it.each([
    [false, "goes on by itself"],
    [true, "is aborted with it"],
  ])("behind an async interceptor, with context %s, a request %s", async (context) => {
    const server = await serve(after(300, answer(200)));
    const client = create({ baseURL: server.url });
    install(client, circuitBreaker());
    client.interceptors.request.use(async (config) => config);
    const outer = resilient(timeout("50ms"), { context });
    let inside: Promise<unknown> | undefined;
    const error = await rejectionOf(
      outer.execute(() => {
        inside = client.get("/").then(
          ({ status }) => status,
          ({ code }: AxiosError) => code,
        );
        return inside;
      }),
    );
    expect(error.code).toBe("ERR_ATTEMPT_TIMEOUT");
    expect(await inside).toBe(context ? "ERR_CANCELED" : 200);
  });

  it("a policy that both share counts a failure once", async () => {
    const server = await serve(answer(500), answer(500), answer(200));
    const client = create({ baseURL: server.url });
    const shared = resilient(circuitBreaker({ consecutiveFailures: 3 }), { name: "shared" });
    install(client, shared);
    const key = server.host;
    const call = (): Promise<unknown> =>
      shared.execute(() => (currentCall(), client.get("/")), { key });
    await rejectionOf(call());
    await rejectionOf(call());
    expect(await call()).toMatchObject({ status: 200 });
  });
});
