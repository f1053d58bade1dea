import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLIENTS } from "../clients/catalogue.js";
import { difference } from "../clients/difference.js";
import type { Outcome, Recorded } from "../measure/outcome.js";
import { TABLE } from "../measure/table.js";
import { COMPRESSION, LOAD, type Schedule, UPSTREAM } from "../scenario.js";
import { seriesOf, timesOf } from "./series.js";

/** All that the page shows. */
export interface Told {
  readonly lanes: readonly Recorded[];
  readonly outcome: Outcome;
  readonly schedule: Schedule;
  /** The options in use. */
  readonly opening: readonly string[];
}

const require = createRequire(import.meta.url);

/** One file that needs no network. Gives its path. */
export async function writeReport(told: Told): Promise<string> {
  const path = join(tmpdir(), `breakwater-demo-${process.pid}.html`);
  await writeFile(path, pageOf(told));
  return path;
}

export function pageOf(told: Told): string {
  const slots: Readonly<Record<string, string>> = {
    "page.css": asset("page.css"),
    "uplot.css": readFileSync(require.resolve("uplot/dist/uPlot.min.css"), "utf8"),
    "uplot.js": readFileSync(require.resolve("uplot/dist/uPlot.iife.min.js"), "utf8"),
    "data.json": JSON.stringify(dataOf(told)).replaceAll("<", String.raw`\u003c`),
    "page.js": asset("page.js"),
  };
  return asset("page.html").replaceAll(
    /\/\* slot: (\S+) \*\//g,
    (slot, name: string) => slots[name] ?? slot,
  );
}

function asset(name: string): string {
  return readFileSync(new URL(`../../../report/${name}`, import.meta.url), "utf8");
}

function dataOf({ lanes, outcome, schedule, opening }: Told) {
  const timesMs = timesOf(schedule.endMs);
  const { workers, brownOutWorkers } = UPSTREAM;
  return {
    timesMs,
    schedule,
    callsPerSecond: LOAD.callsPerSecond,
    compression: COMPRESSION,
    workers,
    brownOutWorkers,
    clients: lanes.map((lane) => ({
      name: lane.name,
      title: CLIENTS[lane.name].title,
      has: CLIENTS[lane.name].has,
      series: seriesOf(lane, timesMs),
      summary: outcome.clients[lane.name],
    })),
    table: TABLE.map(([label, value]) => [
      label,
      ...Object.values(outcome.clients).map((summary) => value(summary)),
    ]),
    valid: outcome.valid,
    claims: outcome.claims,
    difference: difference(),
    opening,
  };
}
