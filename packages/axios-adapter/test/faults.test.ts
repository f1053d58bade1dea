import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import { explainError } from "@breakwater/core";
import axios from "axios";
import { afterAll, describe, expect, it } from "vitest";
import { install } from "../src/index.js";
import { makeCertificate } from "./support/certificate.js";
import { CLIENTS, quickly, rejectionOf } from "./support/clients.js";
import {
  after,
  answer,
  type Behaviour,
  closedPort,
  cutMidway,
  hang,
  reset,
  resetMidway,
  serve,
  serveTls,
  stall,
} from "./support/server.js";

/** How a request goes wrong, and what shall come of it; attempts of a GET, and of a POST. */
interface Fault {
  readonly name: string;
  readonly url: () => Promise<string>;
  readonly verdict: string;
  readonly attempts: readonly [get: number, post: number];
  readonly gets: { readonly http: string; readonly fetch: string };
}

const served = (behaviour: Behaviour) => async () => (await serve(behaviour)).url;
const date = (ms: number): string => new Date(Date.now() + ms).toUTCString();
const same = (code: string): Fault["gets"] => ({ http: code, fetch: code });
const certificate = makeCertificate();

const FAULTS: readonly Fault[] = [
  {
    name: "connection refused",
    url: async () => `http://127.0.0.1:${await closedPort()}`,
    verdict: "transient, unsent",
    attempts: [3, 3],
    gets: { http: "ECONNREFUSED", fetch: "ERR_NETWORK" },
  },
  {
    name: "name not found",
    url: async () => "http://nowhere.invalid",
    verdict: "transient, unsent",
    attempts: [3, 3],
    gets: { http: "ENOTFOUND", fetch: "ERR_NETWORK" },
  },
  {
    name: "certificate not trusted",
    url: async () => (await serveTls(certificate, answer(200))).url,
    verdict: "permanent",
    attempts: [1, 1],
    gets: { http: "DEPTH_ZERO_SELF_SIGNED_CERT", fetch: "ERR_NETWORK" },
  },
  {
    name: "reset before an answer",
    url: served(reset),
    verdict: "transient",
    attempts: [3, 1],
    gets: { http: "ECONNRESET", fetch: "ERR_NETWORK" },
  },
  {
    name: "reset in the middle of the body",
    url: served(resetMidway),
    verdict: "transient",
    attempts: [3, 1],
    gets: { http: "ECONNRESET", fetch: "TypeError" },
  },
  {
    name: "a body that ends too soon",
    url: served(cutMidway),
    verdict: "transient",
    attempts: [3, 1],
    gets: { http: "ERR_BAD_RESPONSE", fetch: "TypeError" },
  },
  {
    name: "no answer (black hole)",
    url: served(hang),
    verdict: "timeout",
    attempts: [3, 1],
    gets: { http: "ECONNABORTED", fetch: "ETIMEDOUT" },
  },
  {
    name: "headers too late",
    url: served(after(700, answer(200))),
    verdict: "timeout",
    attempts: [3, 1],
    gets: { http: "ECONNABORTED", fetch: "ETIMEDOUT" },
  },
  {
    name: "a body that does not go on",
    url: served(stall),
    verdict: "timeout",
    attempts: [3, 1],
    gets: { http: "ERR_BAD_RESPONSE", fetch: "ETIMEDOUT" },
  },
  {
    name: "404",
    url: served(answer(404)),
    verdict: "permanent",
    attempts: [1, 1],
    gets: same("ERR_BAD_REQUEST"),
  },
  {
    name: "500",
    url: served(answer(500)),
    verdict: "transient",
    attempts: [3, 1],
    gets: same("ERR_BAD_RESPONSE"),
  },
  {
    name: "429",
    url: served(answer(429)),
    verdict: "throttled",
    attempts: [3, 1],
    gets: same("ERR_BAD_REQUEST"),
  },
  {
    name: "429 with Retry-After in seconds",
    url: served(answer(429, { "retry-after": "0.05" })),
    verdict: "throttled, unsent",
    attempts: [3, 3],
    gets: same("ERR_BAD_REQUEST"),
  },
  {
    name: "503 with Retry-After as a date",
    url: served((request, response) =>
      answer(503, { "retry-after": date(1_100) })(request, response),
    ),
    verdict: "transient, unsent",
    attempts: [3, 3],
    gets: same("ERR_BAD_RESPONSE"),
  },
  {
    name: "503 with Retry-After beyond maxRetryAfterMs",
    url: served(answer(503, { "retry-after": "3600" })),
    verdict: "transient, unsent",
    attempts: [1, 1],
    gets: same("ERR_BAD_RESPONSE"),
  },
  {
    name: "503 with a Retry-After that is no time",
    url: served(answer(503, { "retry-after": "soon" })),
    verdict: "transient",
    attempts: [3, 1],
    gets: same("ERR_BAD_RESPONSE"),
  },
];

const codeOf = ({ code, name }: { code?: string; name: string }): string => code ?? name;

describe.each(CLIENTS)("faults, with axios $version and $adapter", ({ create, adapter }) => {
  it.each(FAULTS)("$name", async ({ url, verdict, attempts, gets }) => {
    for (const [index, method] of ["GET", "POST"].entries()) {
      const client = create({ baseURL: await url(), timeout: 250 });
      install(client, quickly());
      const error = await rejectionOf(client.request({ method }));
      const report = explainError(error);
      expect(codeOf(error)).toBe(gets[adapter]);
      expect(report?.attempts).toHaveLength(attempts[index]!);
      expect(report?.attempts.map((attempt) => attempt.verdict)).toEqual(
        Array.from({ length: attempts[index]! }, () => verdict.split(",")[0]),
      );
      expect(report?.attempts.every(({ known }) => known)).toBe(true);
    }
  });
});

const row = ({ name, verdict, attempts, gets }: Fault): string => {
  const codes =
    gets.http === gets.fetch ? `\`${gets.http}\`` : `\`${gets.http}\`, \`${gets.fetch}\``;
  return [name, verdict, ...attempts, codes].join(" | ");
};

describe("the table of faults in the guide", () => {
  const guide = readFileSync(join(import.meta.dirname, "../../../docs/guides/axios.md"), "utf8");
  const rows = guide.replaceAll(/ +\| +/g, " | ").split("\n");

  it.each(FAULTS.map(row))("has: %s", (expected) => {
    expect(
      rows.filter((line) => line.includes(`| ${expected}`)),
      `| ${expected} |`,
    ).toHaveLength(1);
  });
});

describe("TLS", () => {
  const agents: Agent[] = [];
  afterAll(() => agents.forEach((agent) => agent.destroy()));

  it("is retried as plain requests are, and keeps its agent", async () => {
    const server = await serveTls(certificate, answer(503), answer(200));
    const httpsAgent = new Agent({ ca: certificate.cert, keepAlive: true });
    agents.push(httpsAgent);
    const client = axios.create({ baseURL: server.url, httpsAgent });
    install(client, quickly());
    expect((await client.get("/")).data).toEqual({ status: 200 });
    expect(server.received).toHaveLength(2);
    expect(server.connections()).toBe(1);
  });
});
