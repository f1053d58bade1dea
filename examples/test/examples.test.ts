import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "./blocks.js";

// The examples as a visitor runs them: real processes, real servers.
const scripts = join(root, "examples/scripts");
const runFile = promisify(execFile);
/** From Node.js 22.18 on. */
const runsTypeScript = typeof process.features.typescript === "string";

interface Outcome {
  readonly code: number;
  readonly told: string;
}

async function run(script: string, env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const options = { env: { ...process.env, ...env, NO_COLOR: "1" } };
  return runFile(process.execPath, [join(scripts, script)], options).then(
    ({ stdout }) => ({ code: 0, told: stdout }),
    (error: { code: number; stderr: string }) => ({ code: error.code, told: error.stderr }),
  );
}

describe.runIf(runsTypeScript)("scripts that Node.js runs as they are", () => {
  test("the cron job gets its rate although the service fails at first", async () => {
    const { code, told } = await run("job.ts");
    expect(code).toBe(0);
    expect(told).toMatch(/^\/rates\/EUR at /);
  });

  test("the cron job says what happened, and to try again, when nobody listens", async () => {
    const { code, told } = await run("job.ts", { RATES_URL: "http://127.0.0.1:9" });
    expect(told).toContain("Rates.latest: 3 attempts, stopped because no attempt was left");
    expect(code).toBe(75);
  });

  test("the batch loses none of its 10,000 items to an outage, and asks hardly more often than there are items", async () => {
    const { code, told } = await run("batch.ts");
    expect(told).toContain("the service is down: waiting");
    const [, items, sent, failed, requests] =
      /(\d+) items: (\d+) sent, (\d+) failed; (\d+) requests/.exec(told) ?? [];
    expect({ code, items, sent, failed }).toEqual({
      code: 0,
      items: "10000",
      sent: "10000",
      failed: "0",
    });
    expect(Number(requests)).toBeLessThan(12_000);
  });

  test("the incident tool walks a flaky API to its end, and writes no note twice", async () => {
    const { code, told } = await run("../axios/incidents.ts");
    const [, seen, written, atApi, requests] =
      /(\d+) incidents, (\d+) notes written \((\d+) at the API\); (\d+) requests/.exec(told) ?? [];
    expect({ code, seen, written, atApi }).toEqual({
      code: 0,
      seen: "95",
      written: "6",
      atApi: "6",
    });
    expect(Number(requests)).toBeGreaterThan(16);
  });

  test("a policy is rolled out, tuned, blocked and bypassed, and each step changes what it says", async () => {
    const { code, told } = await run("../rollout/rollout.ts");
    expect(code).toBe(0);
    const steps = Object.fromEntries(
      [
        ...told.matchAll(/^(\S.*?) {2,}(\d+) answered, (\d+) failed, (\d+) refused; (\d+) req/gm),
      ].map(([, step = "", ...counts]) => [step, counts.map(Number)]),
    ) as Record<string, [number, number, number, number]>;
    expect(steps).toMatchObject({ shadow: [400, 200, 0, 600], blocked: [0, 0, 600, 0] });
    expect(told).toContain("would have refused 50 rightly and 200 wrongly");
    expect(told).toContain("protected: 180 calls");
    const refusedAt = (step: string): number => steps[step]?.[2] ?? 0;
    expect(refusedAt("all")).toBeGreaterThan(refusedAt("canary 20 %"));
    expect(refusedAt("tuned")).toBeLessThan(refusedAt("all"));
    expect(steps).toMatchObject({ bypassed: [400, 200, 0, 600] });
    expect(told).toMatch(/^crm: BYPASSED until \d\d:\d\d by ana \(INC-4711\)/m);
  });

  test("the workers do every job once, however often their server is killed", async () => {
    const { code, told } = await run("../pg/jobs.ts");
    const [, done, jobs, twice, kills] =
      /(\d+) of (\d+) jobs done, (\d+) of them twice; the server was killed (\d+) times/.exec(
        told,
      ) ?? [];
    expect({ code, done, twice }).toEqual({ code: 0, done: jobs, twice: "0" });
    expect(Number(kills)).toBeGreaterThan(0);
  });

  test("the worker gives back what waits, ends what runs, and goes", async () => {
    const worker = spawn(process.execPath, [join(scripts, "worker.ts")]);
    const told = textOf(worker);
    await once(worker.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    worker.kill("SIGTERM");
    const [code] = (await once(worker, "exit")) as [number];
    expect(code).toBe(0);
    expect(await told).toMatch(/SIGTERM: [1-9]\d* jobs done, [1-9]\d* given back/);
  });
});

/** As both dialects have it. */
interface OrdersModule {
  readonly Orders: new (url: string) => {
    find(id: string): Promise<string>;
    place(id: string): Promise<string>;
  };
}

describe("the service class", () => {
  let server: Server;
  let url = "";
  let requests: string[] = [];

  beforeAll(async () => {
    const compiler = join(root, "node_modules/.bin/tsc");
    const projects = ["-b", "examples", "examples/standard"];
    const { status, stdout } = spawnSync(compiler, projects, { cwd: root, encoding: "utf8" });
    if (status !== 0) throw new Error(stdout);
    server = createServer(({ method, url: path }, response) => {
      requests.push(`${method} ${path}`);
      response.statusCode = requests.length === 1 ? 503 : 200;
      response.end("fine");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  test.each(["service/service.js", "standard/service.js"])(
    "%s repeats what it reads and not what it writes",
    async (file) => {
      const module = (await import(join(root, "examples/dist", file))) as OrdersModule;
      const orders = new module.Orders(url);
      requests = [];
      expect(await orders.find("o-1")).toBe("fine");
      expect(requests).toEqual(["GET /orders/o-1", "GET /orders/o-1"]);
      requests = [];
      await expect(orders.place("o-2")).rejects.toMatchObject({ status: 503 });
      expect(requests).toEqual(["PUT /orders/o-2"]);
    },
  );
});

async function textOf({ stdout }: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of stdout ?? []) text += String(chunk);
  return text;
}
