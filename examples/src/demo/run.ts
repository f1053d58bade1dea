import { ALL_CLIENTS, MAIN_CLIENTS } from "./clients/catalogue.js";
import { OPEN_MS } from "./clients/parts.js";
import { type Outcome, outcomeOf } from "./measure/outcome.js";
import { EXIT, type Options } from "./options.js";
import { writeReport } from "./report/report.js";
import { FULL, type Schedule, SHORT } from "./scenario.js";
import { endingLines } from "./screen/ending.js";
import { asJson } from "./screen/json.js";
import { canShowLive, Live } from "./screen/live.js";
import { narrate } from "./screen/narration.js";
import { nextLines } from "./screen/next.js";
import { openingLines, startingLine } from "./screen/opening.js";
import { paintFor } from "./screen/paint.js";
import { PlainLines } from "./screen/plain.js";
import { project } from "./screen/projector.js";
import { Stage } from "./stage/stage.js";
import { tellStory } from "./stage/story.js";

/** The whole story, from the first process to the report. Gives the exit code. */
export async function run(options: Options): Promise<number> {
  const names = options.all ? ALL_CLIENTS : MAIN_CLIENTS;
  // With --json, people read stderr.
  const screen = options.json ? process.stderr : process.stdout;
  print(screen, [startingLine(names)]);
  const stage = await Stage.start(names, options.seed);
  try {
    return await tell(stage, options, screen);
  } finally {
    stage.close();
  }
}

async function tell(
  stage: Stage,
  { seed, json, short }: Options,
  screen: NodeJS.WriteStream,
): Promise<number> {
  const schedule = short ? SHORT : FULL;
  const opening = openingLines(stage, seed, schedule);
  print(screen, opening);
  await watch(stage, schedule, screen);
  const outcome = outcomeOf(stage.lanes, schedule, OPEN_MS);
  const report = await writeReport({ lanes: stage.lanes, outcome, schedule, opening });
  const paint = paintFor(screen);
  if (json) console.log(asJson(outcome, report));
  else print(screen, [...endingLines(outcome, paint), ...nextLines(report, paint)]);
  return exitCodeOf(outcome);
}

function print(screen: NodeJS.WriteStream, lines: readonly string[]): void {
  for (const line of lines) screen.write(`${line}\n`);
}

/** Shows the story while it is told. */
async function watch(stage: Stage, schedule: Schedule, screen: NodeJS.WriteStream): Promise<void> {
  const audience = canShowLive(screen)
    ? new Live(screen, paintFor(screen))
    : new PlainLines((line) => print(screen, [line]));
  const stopShow = project(
    stage,
    audience,
    (nowMs) => narrate(stage.conditions, nowMs, schedule),
    () => ({ fromMs: 0, toMs: schedule.endMs }),
    schedule.endMs,
  );
  await Promise.race([tellStory(stage, schedule), stage.lost()]);
  stopShow();
}

function exitCodeOf({ valid, claims }: Outcome): number {
  if (!valid) return EXIT.notValid;
  return claims.every(({ held }) => held) ? 0 : EXIT.claimFailed;
}
