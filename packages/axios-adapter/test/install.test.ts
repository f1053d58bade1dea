import { circuitBreaker, definePolicy, resilient } from "@breakwater/core";
import axios, { type AxiosInstance } from "axios";
import { describe, expect, it, vi } from "vitest";
import { install, resilienceOf } from "../src/index.js";
import { CLIENTS, quickly, rejectionOf, VERSIONS } from "./support/clients.js";
import { answer, serve } from "./support/server.js";

describe("install", () => {
  it("refuses what is no axios instance, and says what it got", () => {
    for (const wrong of [undefined, {}, "axios", () => {}])
      expect(() => install(wrong as AxiosInstance)).toThrow(/install: expected an axios instance/);
  });

  it("refuses an instance that it has been put on already", () => {
    const client = axios.create();
    install(client);
    expect(() => install(client)).toThrow(
      /one that has a policy already.*resilienceOf\(instance\)/s,
    );
  });

  it.each([
    [[circuitBreaker(), circuitBreaker()], /expected one breaker/],
    [[{ retries: 3 }], /retry\(\{ maxAttempts \}\)/],
    [[{ key: "host" }], /install\.key: expected a function, received "host"/],
    [
      [{ deadlineHeader: { name: "X", format: "hours" } }],
      /install\.deadlineHeader: expected the name/,
    ],
    [["unheard-of"], /No policy is named "unheard-of"/],
    [["crm", circuitBreaker()], /either a policy, its name or a function/],
    [[7], /policy\[0\]: expected a part/],
  ])("refuses wrong parts: %#", (parts, message) => {
    const client = axios.create();
    expect(() => install(client, ...(parts as []))).toThrow(message);
    expect(resilienceOf(client)).toBeUndefined();
    install(client);
  });

  it("takes the name of a policy, a policy, and a function that picks one", async () => {
    const server = await serve(answer(200));
    definePolicy("by-name", circuitBreaker());
    const policies = [undefined, resilient({ name: "picked" })];
    const used = async (...given: [never]): Promise<string | undefined> => {
      const client = axios.create({ baseURL: server.url });
      install(client, ...given);
      return (await client.get("/")).config.resilience?.report?.policy;
    };
    expect(await used("by-name" as never)).toBe("by-name");
    expect(await used(resilient({ name: "given" }) as never)).toBe("given");
    expect(await used((() => policies[1]) as never)).toBe("picked");
    expect(await used((() => policies[0]) as never)).toBeUndefined();
  });

  it("names its policy by the host of the instance", () => {
    const withBase = install(axios.create({ baseURL: "https://crm.example/v1" }));
    expect(withBase.policy().name).toBe("axios:crm.example");
    expect(install(axios.create()).policy().name).toBe("axios");
  });

  it("with a function that picks tells by the key which policy its last request ran under", async () => {
    const server = await serve(answer(200));
    const policies = [resilient(circuitBreaker()), resilient(circuitBreaker())];
    const client = axios.create({ baseURL: server.url });
    const { policy, ready } = install(client, ({ url }) => policies[url === "/a" ? 0 : 1]);
    await client.get("/a");
    expect(policy(server.host)).toBe(policies[0]);
    await client.get("/b");
    expect(policy(server.host)).toBe(policies[1]);
    await ready({ key: server.host });
    await client.get("/a", { resilience: { policy: resilient() } });
    expect(policy(server.host)).toBe(policies[1]);
  });

  it("with a function that picks has no policy of its own to ask", async () => {
    const { policy, ready, on, drain } = install(axios.create(), () => undefined);
    expect(() => policy()).toThrow(/ask the policies themselves/);
    expect(() => policy("crm.example")).toThrow(
      /the key of a request that has been sent, received "crm\.example"/,
    );
    expect(() => on("*", () => {})).toThrow(/ask the policies themselves/);
    await expect(ready()).rejects.toThrow(/ask the policies themselves/);
    await expect(drain()).rejects.toThrow(/ask the policies themselves/);
  });

  it("with one policy has that one for every key", () => {
    const given = resilient(circuitBreaker());
    const { policy } = install(axios.create(), given);
    expect(policy()).toBe(given);
    expect(policy("crm.example")).toBe(given);
  });
});

describe.each(["newest", "oldest"] as const)("eject, with axios %s", (version) => {
  it("leaves the instance as it was", async () => {
    const server = await serve(answer(503));
    const client = VERSIONS[version].create({ baseURL: server.url });
    const before = JSON.stringify(client.defaults);
    const { eject } = install(client, quickly());
    await rejectionOf(client.get("/"));
    expect(server.received).toHaveLength(3);
    eject();
    expect(resilienceOf(client)).toBeUndefined();
    expect(JSON.stringify(client.defaults)).toBe(before);
    const error = await rejectionOf(client.get("/"));
    expect(server.received).toHaveLength(4);
    expect(error.config.resilience).toBeUndefined();
    install(client).eject();
  });

  it("works on the default instance, too", async () => {
    const server = await serve(answer(503), answer(200));
    const { eject } = install(VERSIONS[version], quickly());
    expect((await VERSIONS[version].get(server.url)).status).toBe(200);
    eject();
    expect(server.received).toHaveLength(2);
  });
});

describe("the installation", () => {
  it("is found again, listens, waits until a host may be asked, and drains", async () => {
    const server = await serve(answer(500));
    const client = axios.create({ baseURL: server.url });
    const installation = install(client, circuitBreaker({ consecutiveFailures: 1, openMs: 50 }));
    expect(resilienceOf(client)).toBe(installation);
    const opened: unknown[] = [];
    installation.on("circuit.opened", ({ key }) => opened.push(key));
    await rejectionOf(client.get("/"));
    await installation.ready({ key: server.host });
    expect(opened).toEqual([server.host]);
    await installation.drain({ graceMs: 10 });
    expect((await rejectionOf(client.get("/"))).code).toBe("ERR_DRAINING");
  });
});

describe("a key function that fails", () => {
  it.each([
    ["throws", () => JSON.parse("{")],
    ["gives no text", () => undefined as unknown as string],
  ])("because it %s is reported once, and the host is the key", async (_, key) => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const server = await serve(answer(200));
    const client = axios.create({ baseURL: server.url });
    install(client, { key });
    await client.get("/");
    const { config } = await client.get("/");
    expect(config.resilience?.report?.key).toBe(server.host);
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });
});

describe.each(CLIENTS)("the host, with axios $version and $adapter", ({ create }) => {
  it.each([
    ["http://a.example/v1", "/x", "a.example"],
    ["http://a.example:8080/", "x", "a.example:8080"],
    ["http://a.example", "https://b.example/y", "b.example"],
    ["http://a.example", "//c.example/y", "c.example"],
    ["http://a.example", "HTTP://U:P@D.example:80/y", "d.example"],
  ])("of %s and %s is %s", async (baseURL, url, host) => {
    const client = create({
      baseURL,
      adapter: async (config) => ({ config, status: 200, data: "", statusText: "", headers: {} }),
    });
    install(client);
    const { config } = await client.get(url);
    expect(config.resilience?.report?.key).toBe(host);
  });
});
