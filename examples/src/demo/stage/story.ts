import { setTimeout as sleep } from "node:timers/promises";
import { REPORT_EVERY_MS, type Schedule } from "../scenario.js";
import type { Stage } from "./stage.js";

/** Calls that were begun may end, but not for ever. */
const PATIENCE_MS = 3_000;
const LOOK_EVERY_MS = 50;

/** A brown-out and its end, on schedule. Resolves when all calls have ended. */
export async function tellStory(stage: Stage, schedule: Schedule): Promise<void> {
  stage.begin();
  await until(stage, schedule.brownOutMs);
  stage.brownOut();
  await until(stage, schedule.healMs);
  await stage.heal();
  await until(stage, schedule.endMs);
  stage.finish();
  const isBusy = (): boolean => stage.lanes.some(({ recording }) => recording.totals.inFlight > 0);
  await sleep(3 * REPORT_EVERY_MS); // the last calls are reported
  while (isBusy() && stage.elapsedMs < schedule.endMs + PATIENCE_MS) await sleep(LOOK_EVERY_MS);
}

async function until(stage: Stage, elapsedMs: number): Promise<void> {
  await sleep(elapsedMs - stage.elapsedMs);
}
