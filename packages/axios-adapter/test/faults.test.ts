import { readFileSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import { explainError } from "@breakwater/core";
import axios from "axios";
import { describe, expect, it, onTestFinished } from "vitest";
import { install } from "../src/index.js";
import { type Client, CLIENTS, quickly, rejectionOf } from "./support/clients.js";
import { certificate, type Fault, FAULTS } from "./support/faults.js";
import { answer, serveTls } from "./support/server.js";

/** What came of a request by one method. */
interface Outcome {
  readonly verdict: string;
  readonly attempts: number;
  readonly stoppedBy: string;
  readonly code: string;
}

async function send(
  { create }: Client,
  [, url, timeout = 30_000]: Fault,
  method: string,
): Promise<Outcome> {
  const client = create({ baseURL: await url(), timeout });
  install(client, quickly());
  const error = await rejectionOf(client.request({ method }));
  const { attempts, stoppedBy } = explainError(error)!;
  expect(attempts.every(({ known }) => known)).toBe(true);
  expect(error.config?.resilience.report.attempts ?? attempts).toHaveLength(attempts.length);
  const verdict = [...new Set(attempts.map((attempt) => attempt.verdict))].join(", ");
  return { verdict, attempts: attempts.length, stoppedBy, code: error.code ?? error.name };
}

type Outcomes = readonly (readonly [get: Outcome, post: Outcome])[];

/** All at once: most of the time is spent in waiting for what does not come. */
async function outcomesOf(client: Client): Promise<Outcomes> {
  return Promise.all(
    FAULTS.map((fault) => Promise.all([send(client, fault, "GET"), send(client, fault, "POST")])),
  );
}

/** So that a difference says what it is of. */
const named = (outcomes: Outcomes) =>
  Object.fromEntries(FAULTS.map(([name], i) => [name, outcomes[i]]));

const GUIDE = join(import.meta.dirname, "../../../docs/guides/axios.md");
const SECTION = /(<!-- generated: faults -->\n).*?(<!-- end -->)/s;
const code = (text: string): string => `\`${text}\``;

const HEAD =
  "Fault|Verdict|Attempts of a GET|Ended by|Of a POST|Ended by|`error.code` with `http`, `fetch`";

/** The guide's rows, from the outcomes with `http` and with `fetch`. */
function rowsFrom(http: Outcomes, fetch: Outcomes): string[] {
  return FAULTS.map(([name], i) => {
    const [get, post] = http[i]!;
    const codes = [...new Set([get.code, fetch[i]![0].code])].map(code).join(", ");
    const endings = [get, post].flatMap(({ attempts, stoppedBy }) => [attempts, code(stoppedBy)]);
    return `| ${[name, get.verdict, ...endings, codes].join(" | ")} |`;
  });
}

describe("faults on real servers", () => {
  const seen = new Map<Client, Promise<Outcomes>>();
  const seenBy = async (client: Client): Promise<Outcomes> => {
    const outcomes = seen.get(client) ?? outcomesOf(client);
    seen.set(client, outcomes);
    return outcomes;
  };
  const [http, fetch, ...older] = CLIENTS as [Client, Client, ...Client[]];

  it("have one verdict, whatever the method and the adapter", { timeout: 60_000 }, async () => {
    for (const [i, [get, post]] of (await seenBy(http)).entries()) {
      const verdicts = [get, post, ...(await seenBy(fetch))[i]!].map(({ verdict }) => verdict);
      expect(new Set(verdicts).size, `${FAULTS[i]![0]}: ${verdicts.join("; ")}`).toBe(1);
    }
  });

  it.each(older)(
    "end alike with axios $version and $adapter",
    { timeout: 60_000 },
    async (client) => {
      const newest = client.adapter === "http" ? http : fetch;
      expect(named(await seenBy(client))).toEqual(named(await seenBy(newest)));
    },
  );

  it("are told in the guide as they were seen", { timeout: 60_000 }, async () => {
    const rows = rowsFrom(await seenBy(http), await seenBy(fetch));
    if (process.env["DOCS"] === "write") write(rows);
    const [section = ""] = SECTION.exec(readFileSync(GUIDE, "utf8")) ?? [];
    const told = section.split("\n").filter((line) => line.startsWith("|"));
    expect(told.slice(2).map(unaligned), "stale: run pnpm docs:faults").toEqual(
      rows.map(unaligned),
    );
  });
});

function write(rows: readonly string[]): void {
  const head = `| ${HEAD.split("|").join(" | ")} |\n| ${HEAD.split("|")
    .map(() => "---")
    .join(" | ")} |`;
  const guide = readFileSync(GUIDE, "utf8");
  writeFileSync(GUIDE, guide.replace(SECTION, `$1\n${head}\n${rows.join("\n")}\n\n$2`));
}

/** How wide the columns are is the formatter's. */
function unaligned(line: string): string {
  return line.replaceAll(/ *\| */g, "|");
}

describe("TLS", () => {
  it("is retried as plain requests are, and keeps its agent", async () => {
    const server = await serveTls(certificate, answer(503), answer(200));
    const httpsAgent = new Agent({ ca: certificate.cert, keepAlive: true });
    onTestFinished(() => httpsAgent.destroy());
    const client = axios.create({ baseURL: server.url, httpsAgent });
    install(client, quickly());
    expect((await client.get("/")).data).toEqual({ status: 200 });
    expect(server.received).toHaveLength(2);
    expect(server.connections()).toBe(1);
  });
});
