/**
 * 10,000 items, 20 at a time, through a service that is down for two seconds in the middle: `node batch.ts`.
 * No item is lost, and the service gets hardly more requests than there are items.
 */
import { styleText } from "node:util";
import { progress } from "@clack/prompts";
import { circuitBreaker, mapCalls, resilient, retryBudget, timeout } from "@breakwater/core";
import { startUpstream } from "./upstream.ts";

const ITEMS = 10_000;
const OUTAGE_AT = ITEMS / 2;
const OUTAGE_MS = 2_000;

const upstream = await startUpstream();
const breaker = circuitBreaker({ consecutiveFailures: 10, openMs: 500, maxOpenMs: 500 });
const budget = retryBudget({ ratio: 0.2 });
const crm = resilient(breaker, budget, timeout("1s"), { name: "crm", idempotent: true });

const bar = process.stdout.isTTY ? progress({ max: ITEMS }) : undefined;
const say = (text: string): void => (bar === undefined ? console.log(text) : bar.message(text));
bar?.start("sending");
crm.on("circuit.opened", () => say("the service is down: waiting"));
crm.on("circuit.closed", () => say("the service is back: going on"));

const failed: number[] = [];
let done = 0;
const began = performance.now();

for await (const { index, status } of mapCalls(crm, numbersUpTo(ITEMS), send, {
  concurrency: 20,
})) {
  if (status === "rejected") failed.push(index);
  if (++done === OUTAGE_AT) upstream.failFor(OUTAGE_MS);
  bar?.advance(1);
}

const seconds = ((performance.now() - began) / 1_000).toFixed(1);
bar?.stop(`${done} items in ${seconds} s`);
const result = { items: done, failed: failed.length, requests: upstream.requests };
console.log(
  `${result.items} items: ${styleText("green", `${result.items - result.failed} sent`)}, ${result.failed} failed; ` +
    `${result.requests} requests, ${(result.requests / result.items).toFixed(3)} for each`,
);

await upstream.close();

/** As a database's cursor would give them: one after the other, and no faster than they are taken. */
async function* numbersUpTo(end: number): AsyncGenerator<number> {
  for (let n = 0; n < end; n++) yield n;
}

async function send(item: number, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  const response = await fetch(`${upstream.url}/orders/${item}`, { method: "PUT", signal });
  await response.arrayBuffer();
  if (!response.ok) throw Object.assign(new Error("not sent"), { status: response.status });
}
