import { Agent } from "node:http";
import { Readable } from "node:stream";
import FormDataOfOld from "form-data";
import { describe, expect, it, vi } from "vitest";
import { install } from "../src/index.js";
import { CLIENTS, quickly, rejectionOf } from "./support/clients.js";
import { answer, reset, serve } from "./support/server.js";

const flaky = () => serve(answer(503), answer(503), answer(200));

/** The parts of a form are told apart by a boundary that is new each time. */
const withoutBoundary = (text: string): string => {
  const [, boundary] = /^--(.*)\r\nContent-Disposition/.exec(text) ?? [];
  return boundary === undefined ? text : text.replaceAll(boundary, "boundary");
};

describe.each(CLIENTS)("bodies of $version with $adapter", ({ create }) => {
  const form = new FormData();
  form.set("name", "value");
  form.set("file", new Blob(["bytes"]), "file.txt");

  it.each([
    ["JSON", { hello: "wörld" }],
    ["a string", "plain text"],
    ["a Buffer", Buffer.from([1, 2, 254, 255])],
    ["an ArrayBuffer", new Uint8Array([5, 6, 7]).buffer],
    ["URLSearchParams", new URLSearchParams({ a: "1", b: "2 3" })],
    ["a form", form],
    ["a Blob", new Blob(["blob of bytes"])],
  ])("are byte for byte the same in each attempt: %s", async (_, body) => {
    const server = await flaky();
    const client = create({ baseURL: server.url });
    install(client, quickly());
    await client.put("/", body);
    const sent = server.received.map(({ body: text }) => withoutBoundary(text));
    expect(sent).toHaveLength(3);
    expect(sent[0]).not.toBe("");
    expect(new Set(sent).size).toBe(1);
    const lengths = server.received.map(({ headers }) => headers["content-length"]);
    expect(new Set(lengths).size).toBe(1);
  });

  it("are not transformed again by a transformRequest of one's own", async () => {
    const server = await flaky();
    const client = create({
      baseURL: server.url,
      transformRequest: [(data: unknown) => JSON.stringify({ wrap: data })],
    });
    install(client, quickly());
    await client.put("/", "x", { headers: { "Content-Type": "application/json" } });
    expect(server.received.map(({ body }) => body)).toEqual(
      Array.from({ length: 3 }, () => '{"wrap":"x"}'),
    );
  });

  it("that are streams are sent once", async () => {
    const server = await flaky();
    const client = create({ baseURL: server.url });
    install(client, quickly());
    const error = await rejectionOf(client.put("/", Readable.from(["a", "bc"])));
    expect(error).toMatchObject({ isAxiosError: true, response: { status: 503 } });
    expect(server.received).toMatchObject([{ body: "abc" }]);
  });

  it("that are streams are sent again where a function makes them", async () => {
    const server = await flaky();
    const client = create({ baseURL: server.url });
    install(client, quickly());
    await client.put("/", undefined, { resilience: { body: () => Readable.from(["a", "bc"]) } });
    expect(server.received.map(({ body }) => body)).toEqual(["abc", "abc", "abc"]);
  });
});

describe.each(CLIENTS)("requests of $version with $adapter", ({ create, adapter }) => {
  it("run the interceptors once, however often they are sent", async () => {
    const server = await flaky();
    const client = create({ baseURL: server.url });
    const ran: string[] = [];
    client.interceptors.request.use((config) => {
      ran.push("request");
      config.url = `/p${config.url}`;
      return config;
    });
    client.interceptors.response.use((response) => {
      ran.push("response");
      return response;
    });
    install(client, quickly());
    await client.get("/x");
    expect(ran).toEqual(["request", "response"]);
    expect(server.received.map(({ url }) => url)).toEqual(["/p/x", "/p/x", "/p/x"]);
  });

  it("give parsed data, and leave the config as it was", async () => {
    const server = await flaky();
    const client = create({ baseURL: server.url });
    install(client, quickly());
    const { data, config, headers } = await client.get("/");
    expect(data).toEqual({ status: 200 });
    expect(headers["content-type"]).toBe("application/json");
    expect(config.adapter).toBe(adapter);
    expect(config.transformRequest).toHaveLength(1);
    expect(config.transformResponse).toHaveLength(1);
  });

  it("carry on config what came of their attempts, on success and on failure", async () => {
    const server = await serve(answer(503), answer(200), answer(404));
    const client = create({ baseURL: server.url });
    install(client, quickly(), { name: "crm" });
    const { config } = await client.get("/");
    expect(config.resilience?.report).toMatchObject({
      policy: "crm",
      key: server.host,
      attempts: [
        { attempt: 1, status: 503 },
        { attempt: 2, status: 200 },
      ],
    });
    const error = await rejectionOf(client.get("/"));
    expect(error.config.resilience.report.attempts).toMatchObject([{ attempt: 1, status: 404 }]);
    expect(error.response.config).toBe(error.config);
  });

  it("can be sent anew by their config, which gives them a new report", async () => {
    const server = await serve(answer(404), answer(200));
    const client = create({ baseURL: server.url });
    install(client, quickly());
    const error = await rejectionOf(client.put("/", { a: 1 }));
    const { config, data } = await client.request(error.config);
    expect(data).toEqual({ status: 200 });
    expect(config.resilience?.report?.attempts).toHaveLength(1);
  });

  it("follow redirects within one attempt", async () => {
    const server = await serve(answer(302, { location: "/there" }), answer(200));
    const client = create({ baseURL: server.url });
    const { policy } = install(client, quickly());
    const { config } = await client.get("/here");
    expect(server.received.map(({ url }) => url)).toEqual(["/here", "/there"]);
    expect(config.resilience?.report?.attempts).toHaveLength(1);
    expect(policy).toBeTypeOf("function");
  });

  it("tell the progress of an upload in each attempt", async () => {
    const server = await serve(answer(503), answer(200));
    const client = create({ baseURL: server.url });
    install(client, quickly());
    const loaded: number[] = [];
    await client.put("/", "x".repeat(1_000), {
      onUploadProgress: (event) => loaded.push(event.loaded),
    });
    await vi.waitFor(() => expect(loaded.filter((bytes) => bytes === 1_000)).toHaveLength(2));
  });
});

describe("an adapter that writes to the config it gets", () => {
  it("changes no other attempt", async () => {
    const seen: unknown[] = [];
    const client = CLIENTS[0]!.create({
      adapter: async (config) => {
        seen.push(config.headers.get("X-Trace") ?? "none", config.data);
        config.headers.set("X-Trace", "left over");
        config.data = "left over";
        return { config, status: 503, data: "", statusText: "", headers: {} };
      },
    });
    install(client, quickly());
    await client.put("http://crm.example/", "body");
    expect(seen).toEqual(["none", "body", "none", "body", "none", "body"]);
  });
});

describe("requests by http", () => {
  const { create } = CLIENTS[0]!;

  it("need no redirects: maxRedirects 0 gives what there is", async () => {
    const server = await serve(answer(302, { location: "/there" }));
    const client = create({ baseURL: server.url, maxRedirects: 0 });
    install(client, quickly());
    const error = await rejectionOf(client.get("/"));
    expect(error.response.status).toBe(302);
    expect(server.received).toHaveLength(1);
  });

  it("keep their agent, and its connection", async () => {
    const server = await flaky();
    const httpAgent = new Agent({ keepAlive: true, maxSockets: 1 });
    const client = create({ baseURL: server.url, httpAgent });
    install(client, quickly());
    const { config } = await client.get("/");
    expect(config.httpAgent).toBe(httpAgent);
    expect(server.received).toHaveLength(3);
    expect(server.connections()).toBe(1);
    httpAgent.destroy();
  });

  it("with a form-data of old are sent once, as that is a stream", async () => {
    const server = await serve(reset, answer(200));
    const client = create({ baseURL: server.url });
    install(client, quickly());
    const form = new FormDataOfOld();
    form.append("name", "value");
    await rejectionOf(client.put("/", form));
    expect(server.received).toHaveLength(1);
  });
});
