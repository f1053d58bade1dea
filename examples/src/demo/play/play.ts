import { ALL_CLIENTS, CLIENTS, MAIN_CLIENTS } from "../clients/catalogue.js";
import { type Options, UsageError } from "../options.js";
import { canShowLive, Live } from "../screen/live.js";
import { openingLines, startingLine } from "../screen/opening.js";
import { paintFor } from "../screen/paint.js";
import { project } from "../screen/projector.js";
import type { Span } from "../screen/sparkline.js";
import { Stage } from "../stage/stage.js";
import { hearKeys } from "./keys.js";
import { frameOf } from "./words.js";

const SHOWN_MS = 30_000;

/** The visitor breaks and heals the servers. Gives the exit code. */
export async function play({ all, seed }: Options): Promise<number> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !canShowLive(stdout))
    throw new UsageError("--play needs a terminal of at least 80 x 24.");
  const names = all ? ALL_CLIENTS : MAIN_CLIENTS;
  console.log(startingLine(names));
  const stage = await Stage.start(names, seed);
  try {
    openingLines(stage, seed).forEach((line) => console.log(line));
    await playOn(stage, new Live(stdout, paintFor(stdout)));
    totals(stage).forEach((line) => console.log(line));
  } finally {
    stage.close();
  }
  return 0;
}

/** The last half minute, as soon as there is one. */
function spanAt(nowMs: number): Span {
  const toMs = Math.max(SHOWN_MS, nowMs);
  return { fromMs: toMs - SHOWN_MS, toMs };
}

async function playOn(stage: Stage, live: Live): Promise<void> {
  stage.begin();
  const stopShow = project(stage, live, (nowMs) => frameOf(stage, nowMs), spanAt);
  await new Promise<void>((resolve) => {
    const deafen = hearKeys(process.stdin, (key) => {
      if (key !== "q") return void obey(stage, key);
      deafen();
      resolve();
    });
  });
  stopShow();
}

async function obey(stage: Stage, key: string): Promise<void> {
  const lane = stage.lanes[Number(key) - 1];
  lane?.switch(!lane.isOn);
  if (key === "b") stage.brownOut();
  if (key === "k") stage.kill();
  if (key === "h") await stage.heal();
}

function totals(stage: Stage): string[] {
  return stage.lanes.map(
    ({ name, recording: { totals: sums } }) =>
      `${CLIENTS[name].title.padEnd(9)}  sent ${sums.requests} requests for ${sums.calls} calls, answered ${sums.answered}`,
  );
}
