import { Agent } from "node:http";
import { text } from "node:stream/consumers";
import { circuitBreaker, deadline, timeout } from "@breakwater/core";
import { describe, expect, it } from "vitest";
import { install } from "../src/index.js";
import { CLIENTS, quickly, rejectionOf } from "./support/clients.js";
import { answer, cutMidway, serve, stall } from "./support/server.js";

const soon = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

describe.each(CLIENTS)("a response stream, with axios $version and $adapter", ({ create }) => {
  it("counts by its headers, and once more if it breaks while it is read", async () => {
    const server = await serve(cutMidway);
    const client = create({ baseURL: server.url, responseType: "stream" });
    const { on } = install(client, circuitBreaker());
    const verdicts: string[] = [];
    on("attempt.settled", ({ verdict }) => verdicts.push(verdict));
    const { data } = await client.get("/");
    expect(verdicts).toEqual(["success"]);
    await expect(text(data)).rejects.toThrow(/aborted|terminated/);
    await soon(50);
    expect(verdicts).toEqual(["success", "transient"]);
  });

  it("that arrives whole, or that its reader leaves, counts no more than once", async () => {
    const server = await serve(answer(200, {}, "whole"), stall);
    const client = create({ baseURL: server.url, responseType: "stream" });
    const { on } = install(client, circuitBreaker());
    const verdicts: string[] = [];
    on("attempt.settled", ({ verdict }) => verdicts.push(verdict));
    expect(await text((await client.get("/")).data)).toBe("whole");
    const { data } = await client.get("/");
    if ("destroy" in data) data.destroy();
    else data.cancel(); // axios waits here for the server
    await soon(50);
    expect(verdicts).toEqual(["success", "success"]);
  });

  it("can still be given up by its caller, and that is no failure", async () => {
    const server = await serve(stall);
    const client = create({ baseURL: server.url, responseType: "stream" });
    const { on } = install(client, circuitBreaker(), timeout("5s"), deadline("9s"));
    const verdicts: string[] = [];
    on("attempt.settled", ({ verdict }) => verdicts.push(verdict));
    const controller = new AbortController();
    const { data } = await client.get("/", { signal: controller.signal });
    const read = text(data).then(
      () => "read",
      () => "given up",
    );
    await soon(50);
    controller.abort();
    expect(await read).toBe("given up");
    await soon(50);
    expect(verdicts).toEqual(["success"]);
  });

  it("of a failed attempt is let go of before the next one", async () => {
    const server = await serve(answer(503, {}, "x".repeat(1_000_000)), answer(200, {}, "fine"));
    const client = create({ baseURL: server.url, responseType: "stream" });
    install(client, quickly());
    expect(await text((await client.get("/")).data)).toBe("fine");
  });

  it("of a failed attempt does not keep the only connection from the next one", async () => {
    const server = await serve(answer(503, {}, "x".repeat(5_000_000)), answer(200, {}, "fine"));
    const httpAgent = new Agent({ keepAlive: true, maxSockets: 1 });
    const client = create({
      baseURL: server.url,
      responseType: "stream",
      httpAgent,
    });
    install(client, quickly(2));
    expect(await text((await client.get("/")).data)).toBe("fine");
    httpAgent.destroy();
  });

  it("of the last failure is the caller's to read", async () => {
    const server = await serve(answer(503, {}, "why"));
    const client = create({ baseURL: server.url, responseType: "stream" });
    install(client, quickly(2));
    const error = await rejectionOf(client.get("/"));
    expect(await text(error.response.data)).toBe("why");
  });
});
