import { circuitBreaker, explainError, resilient, timeout } from "@breakwater/core";
import axios, { AxiosError, type CancelToken, type InternalAxiosRequestConfig } from "axios";
import { describe, expect, it, vi } from "vitest";
import { install } from "../src/index.js";
import { DrainSignals } from "../src/policy/drain-signals.js";
import { CLIENTS, quickly, rejectionOf } from "./support/clients.js";

const URL = "http://crm.example/";
const response = (config: InternalAxiosRequestConfig, status = 200) => ({
  config,
  status,
  data: "",
  statusText: "",
  headers: {},
});

/** An adapter that ends when its signal says so, and not before. */
async function untilAborted(config: InternalAxiosRequestConfig): Promise<never> {
  const signal = config.signal as AbortSignal;
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new AxiosError("gone", "ERR_CANCELED", config)));
  });
}

function tokenCancelledSoon(): CancelToken {
  const { token, cancel } = axios.CancelToken.source();
  setTimeout(cancel, 30);
  return token;
}

/** One that has a signal, and never ends. */
async function deaf({ signal }: InternalAxiosRequestConfig): Promise<never> {
  return new Promise(() => void signal);
}

describe("the signal of an attempt", () => {
  it("is made for an adapter that reads it only, where time is limited", async () => {
    const made = vi.spyOn(globalThis, "AbortController");
    const client = axios.create({ adapter: async (config) => response(config) });
    install(client, timeout("1m"));
    await client.get(URL);
    expect(made).not.toHaveBeenCalled();
    await client.get(URL, {
      adapter: async (config) => response(config, config.signal?.aborted === false ? 201 : 500),
    });
    expect(made).toHaveBeenCalledOnce();
    made.mockRestore();
  });

  it("is shared by 32 requests where only a drain cuts them short", async () => {
    const seen: unknown[] = [];
    const client = axios.create({
      adapter: async (config) => response(config, seen.push(config.signal) && 200),
    });
    install(client, circuitBreaker());
    for (let n = 0; n < 65; n++) await client.get(URL);
    const runs = [...new Set(seen)].map((signal) => seen.filter((one) => one === signal).length);
    expect(runs).toEqual([32, 32, 1]);
  });

  it("is let go when all who shared it are through: a drain aborts only those of requests on their way", async () => {
    const seen: AbortSignal[] = [];
    const client = axios.create({
      adapter: async (config) => {
        const isLast = seen.push(config.signal as AbortSignal) > 32;
        return isLast ? untilAborted(config) : response(config);
      },
    });
    const { drain } = install(client, circuitBreaker());
    for (let n = 0; n < 32; n++) await client.get(URL);
    const last = rejectionOf(client.get(URL));
    await new Promise(setImmediate);
    await drain({ graceMs: 0 });
    await last;
    expect([seen[0]?.aborted, seen[32]?.aborted]).toEqual([false, true]);
  });

  it("is kept for the last of those who share it", async () => {
    let requests = 0;
    const adapter = async (config: InternalAxiosRequestConfig) =>
      requests++ === 0 ? untilAborted(config) : response(config);
    const client = axios.create({ adapter });
    const { drain } = install(client, circuitBreaker());
    const first = rejectionOf(client.get(URL));
    for (let n = 1; n < 40; n++) await client.get(URL);
    await drain({ graceMs: 0 });
    expect((await first).message).toBe("gone");
  });

  it.each([
    [
      "an adapter throws at once",
      {},
      () => {
        throw new Error("no");
      },
    ],
    ["beforeAttempt fails", { beforeAttempt: () => Promise.reject(new Error("no")) }, undefined],
  ] as const)("is taken back where %s", async (_, options, adapter) => {
    let config: InternalAxiosRequestConfig | undefined;
    const client = axios.create({ adapter: adapter ?? untilAborted });
    install(client, circuitBreaker(), options);
    client.interceptors.request.use((given) => (config = given), null, { synchronous: true });
    const lent = vi.spyOn(DrainSignals.prototype, "lend");
    const back = vi.spyOn(DrainSignals.prototype, "giveBack");
    expect((await rejectionOf(client.get(URL))).message).toBe("no");
    expect([lent.mock.calls.length, back.mock.calls.length]).toEqual([1, 1]);
    expect(config?.signal).toBeUndefined();
    vi.restoreAllMocks();
  });

  it.each([
    ["its cancel token", () => ({ cancelToken: tokenCancelledSoon() }), "ERR_CANCELED"],
    ["its deadline", () => ({ resilience: { deadlineMs: 30 } }), "ERR_DEADLINE_EXCEEDED"],
  ])("tells an adapter that knows nothing else of %s", async (_, options, code) => {
    let heard: unknown;
    const adapter = async (config: InternalAxiosRequestConfig) =>
      untilAborted(config).catch((error: unknown) => {
        heard = error;
        throw error;
      });
    const client = axios.create({ adapter });
    install(client, circuitBreaker());
    expect((await rejectionOf(client.get(URL, options()))).code).toBe(code);
    await vi.waitFor(() => expect(heard).toMatchObject({ message: "gone" }));
  });

  it("is the caller's own where nothing else cuts the request short", async () => {
    const { signal } = new AbortController();
    let seen: unknown;
    const client = axios.create({
      adapter: async (config) => ((seen = config.signal), response(config)),
    });
    install(client, circuitBreaker());
    await client.get(URL, { signal });
    expect(seen).toBe(signal);
  });

  it("reaches an adapter of one's own when the policy is drained", async () => {
    const client = axios.create({ adapter: untilAborted });
    const { drain } = install(client, circuitBreaker());
    const sent = Array.from({ length: 40 }, () => rejectionOf(client.get(URL)));
    await new Promise(setImmediate);
    await drain({ graceMs: 0 });
    const errors = await Promise.all(sent);
    expect(errors.map(({ message }) => message)).toEqual(Array(40).fill("gone"));
  });

  it("of one whose stream is being read is not aborted by a drain that others have kept waiting", async () => {
    let ofStream: AbortSignal | undefined;
    const client = axios.create({ adapter: untilAborted });
    const { drain } = install(client, circuitBreaker());
    const data = new ReadableStream();
    const adapter = async (config: InternalAxiosRequestConfig) => {
      ofStream = config.signal as AbortSignal;
      return { ...response(config), data };
    };
    await client.get(URL, { adapter, responseType: "stream" });
    const other = rejectionOf(client.get(URL));
    await new Promise(setImmediate);
    await drain({ graceMs: 0 });
    expect((await other).message).toBe("gone");
    expect(ofStream?.aborted).toBe(false);
  });

  it("is another one in each attempt", async () => {
    const signals: unknown[] = [];
    const client = axios.create({
      adapter: async (config) => {
        expect(config.signal).toBe(config.signal);
        return response(config, signals.push(config.signal) < 3 ? 503 : 200);
      },
    });
    install(client, quickly(), timeout("1m"));
    await client.get(URL);
    expect(new Set(signals).size).toBe(3);
  });

  it("is gone when the request is over: its config has that of the caller, or none", async () => {
    const client = axios.create({
      adapter: async (config) => (void config.signal, response(config)),
    });
    install(client, quickly());
    expect("signal" in (await client.get(URL)).config).toBe(false);
    const { signal } = new AbortController();
    expect((await client.get(URL, { signal })).config.signal).toBe(signal);
  });

  it("may be replaced by an adapter, and by beforeAttempt", async () => {
    const { signal } = new AbortController();
    const seen: unknown[] = [];
    const client = axios.create({
      adapter: async (config) => {
        seen.push(config.signal);
        config.signal = undefined as never;
        return response(config);
      },
    });
    install(client, { beforeAttempt: (config) => void (config.signal = signal) });
    expect((await client.get(URL)).config.signal).toBeUndefined();
    expect(seen).toEqual([signal]);
  });

  it("that an adapter has put there stays", async () => {
    const { signal } = new AbortController();
    const adapter = async (config: InternalAxiosRequestConfig) =>
      response(Object.assign(config, { signal }));
    const client = axios.create({ adapter });
    install(client, circuitBreaker());
    expect((await client.get(URL)).config.signal).toBe(signal);
  });

  it("that timed out is not taken along when the request is sent anew by its config", async () => {
    let aborts = true;
    const client = axios.create({
      adapter: (config) => (aborts ? untilAborted(config) : Promise.resolve(response(config))),
    });
    install(client, timeout("20ms"));
    let config: InternalAxiosRequestConfig | undefined;
    client.interceptors.request.use((given) => (config = given), null, { synchronous: true });
    const error = await rejectionOf(client.get(URL));
    expect(error.code).toBe("ERR_ATTEMPT_TIMEOUT");
    expect(explainError(error)?.attempts).toHaveLength(1);
    expect(config?.signal).toBeUndefined();
    aborts = false;
    expect((await client.request({ ...config, headers: {} })).status).toBe(200);
  });
});

describe.each(CLIENTS)(
  "a time limit of the policy, with axios $version and $adapter",
  ({ create }) => {
    it.each([
      ["heeds", untilAborted],
      ["does not heed", deaf],
    ])("is what the caller hears of, where the adapter %s the abort", async (_, adapter) => {
      const client = create({ adapter });
      install(client, timeout("20ms"), quickly(2));
      for (const maxAttempts of [1, 2]) {
        const error = await rejectionOf(client.get(URL, { resilience: { maxAttempts } }));
        expect(error.code).toBe("ERR_ATTEMPT_TIMEOUT");
        const verdicts = explainError(error)?.attempts.map(({ verdict }) => verdict);
        expect(verdicts).toEqual(Array.from({ length: maxAttempts }, () => "timeout"));
      }
    });
  },
);

it("what a policy is retuned to holds for the next request", async () => {
  const client = axios.create({ adapter: async (config) => response(config) });
  const policy = resilient(circuitBreaker());
  install(client, policy);
  expect((await client.get(URL)).config.timeout).toBe(10_000); // nobody else limits it
  policy.retune({ timeout: "1m" });
  expect((await client.get(URL)).config.timeout).toBe(0);
});

describe("an adapter that writes to what it gets", () => {
  it("leaves later attempts as the first one was", async () => {
    const seen: unknown[] = [];
    const client = axios.create({
      baseURL: "http://crm.example",
      adapter: async (config) => {
        const { url, baseURL, params, data, headers, method } = config;
        seen.push(JSON.stringify({ url, baseURL, params, data, method, headers }));
        headers.clear();
        Object.assign(config, {
          url: "/b",
          baseURL: "",
          params: {},
          data: "left over",
          method: "get",
          headers: {},
        });
        return response(config, 503);
      },
    });
    install(client, quickly());
    await client.put("/a", "body", { params: { q: 1 }, headers: { "X-One": "1" } });
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(1);
  });
});
