// One client and its users: calls the service class on schedule, in a process of its own.
import { describeResilience } from "@breakwater/core";
import { type Client, CLIENTS, type ClientName } from "../clients/catalogue.js";
import { breaker, budget } from "../clients/parts.js";
import { seededChance } from "../common/chance.js";
import { obeyParent, tellParent } from "../common/parent.js";
import { LOAD, REPORT_EVERY_MS } from "../scenario.js";
import { CallLog } from "./call-log.js";
import type { LoadOrder, LoadReport, Ready } from "./messages.js";
import { dueTimes, openLoop } from "./open-loop.js";

const [, , name, seed] = process.argv;
const { service, guards }: Client = CLIENTS[name as ClientName];
const WARM_UP_REQUESTS = 50;
const log = new CallLog();
let rates = new service("");
let isOn = true;
let retriesDenied = 0;
let stop = (): void => {};

// Breakwater spreads its delays and openings by chance; one seed, one run.
Math.random = seededChance(Number(seed));
for (const { policy } of describeResilience(service))
  policy.on("retry.denied", () => void retriesDenied++);

function begin(dueMs: number): void {
  if (isOn) void log.run(dueMs, () => rates.latest("EUR"));
}

function obey(order: LoadOrder): void {
  if (order === "finish") stop();
  else if ("url" in order) void meet(order.url);
  else if ("isOn" in order) ({ isOn } = order);
  else
    stop = openLoop(
      order.firstCallMs,
      dueTimes(LOAD.callsPerSecond, seededChance(Number(seed))),
      begin,
    );
}

/** The first fetch of a process is dear; the first calls of a run must not pay for it. */
async function meet(url: string): Promise<void> {
  rates = new service(url);
  for (let left = WARM_UP_REQUESTS; left > 0; left--)
    await fetch(url).then(
      (hello) => hello.text(),
      () => {},
    );
  tellParent({ isReady: true } satisfies Ready);
}

function report(): void {
  const { credit, reserve } = budget.available();
  tellParent({
    ...log.take(),
    circuit: guards.includes("breaker") ? breaker.state() : undefined,
    retriesLeft: guards.includes("budget") ? credit + reserve : undefined,
    retriesDenied,
  } satisfies LoadReport);
}

obeyParent(obey);
setInterval(report, REPORT_EVERY_MS);
