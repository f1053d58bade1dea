import { describeResilience } from "@breakwater/core";
import wrapAnsi from "wrap-ansi";
import { type ClientName, CLIENTS } from "../clients/catalogue.js";
import { CLIENT, COMPRESSION, LOAD, type Schedule, UPSTREAM } from "../scenario.js";
import type { Stage } from "../stage/stage.js";

const WIDTH = 80;
const INDENT = 13;
const SHOWN = ["retry", "budget", "breaker"];

/** Said at once: the processes take a moment to start and to warm up. */
export function startingLine(names: readonly ClientName[]): string {
  return `Starting ${2 * names.length} processes: ${names.length} clients, and a server for each.`;
}

/** The options in use, and the processes. */
export function openingLines(stage: Stage, seed: number, schedule?: Schedule): string[] {
  const { workers, brownOutWorkers, serviceMs, serviceSpread, queueLimit } = UPSTREAM;
  const { timeoutMs, naiveRetries, naiveDelayMs } = CLIENT;
  const rows = [
    [
      "load",
      `${LOAD.callsPerSecond} calls/s to each client, by one schedule, whatever is answered`,
    ],
    [
      "servers",
      `${workers} workers, ${serviceMs} ms ±${serviceSpread * 100} % each, a queue of ${queueLimit}; brown-out: ${brownOutWorkers} worker`,
    ],
    ...(schedule === undefined ? [] : [["schedule", scheduleText(schedule)]]),
    ["time", `compressed: 1 s here stands for ${COMPRESSION} s, also in what follows`],
    [
      "timeout",
      `${timeoutMs} ms, the same for all; naive: ${naiveRetries} retries, ${naiveDelayMs} ms apart`,
    ],
    ...annotatedRows(),
    ...stage.lanes.map(({ name, upstream }, index) => [
      index === 0 ? "upstreams" : "",
      `${CLIENTS[name].title.padEnd(10)} ${upstream?.url}  process ${upstream?.pid}`,
    ]),
  ];
  return [
    `A server browns out, and ${stage.lanes.length} clients meet it. Seed ${seed}, Node.js ${process.version}.`,
    ...rows.flatMap(([label = "", text = ""]) => hanging(label, text)),
    "",
  ];
}

function scheduleText({ brownOutMs, healMs, endMs }: Schedule): string {
  return `brown-out after ${brownOutMs / 1_000} s, healed after ${healMs / 1_000} s, ends after ${endMs / 1_000} s`;
}

/** What does not fit goes on below, under its own column. */
function hanging(label: string, text: string): string[] {
  const lines = wrapAnsi(text, WIDTH - INDENT).split("\n");
  return lines.map((line, index) => `  ${index === 0 ? label : ""}`.padEnd(INDENT) + line);
}

/** In Breakwater's own words. */
function annotatedRows(): string[][] {
  const parts = describeResilience(CLIENTS.annotated.service).flatMap(
    ({ explanation }) => explanation.parts,
  );
  return parts.filter(({ kind }) => SHOWN.includes(kind)).map(({ kind, text }) => [kind, text]);
}
