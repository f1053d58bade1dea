// The upstream of one client: a real HTTP server with a real limit, in a process of its own.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { seededChance } from "../common/chance.js";
import { nowMs } from "../common/clock.js";
import { obeyParent, tellParent } from "../common/parent.js";
import { REPORT_EVERY_MS, UPSTREAM } from "../scenario.js";
import type { UpstreamOrder, UpstreamReport } from "./messages.js";
import { WorkerPool } from "./worker-pool.js";

const chance = seededChance(Number(process.argv[2]));
const { serviceMs, serviceSpread, workers, queueLimit } = UPSTREAM;
const spread = (): number => 1 + serviceSpread * (2 * chance() - 1);
const pool = new WorkerPool({ workers, queueLimit, serviceMs: () => serviceMs * spread() });
let requestsMs: number[] = [];

const server = createServer({ keepAliveTimeout: 60_000 }, ({ url }, response) => {
  if (url === "/") return void response.end(); // a client warms up
  requestsMs.push(nowMs());
  if (!pool.accept(() => answer(response))) response.writeHead(503, { "content-length": 0 }).end();
});

function answer(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end('{"rate":1.08}');
}

function report(): void {
  tellParent({ requestsMs } satisfies UpstreamReport);
  requestsMs = [];
}

obeyParent((order: UpstreamOrder) => pool.resize(order.workers));
server.listen(0, "127.0.0.1", () => {
  tellParent({ port: (server.address() as AddressInfo).port } satisfies UpstreamReport);
  setInterval(report, REPORT_EVERY_MS);
});
