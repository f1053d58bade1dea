import { ALL_CLIENTS, MAIN_CLIENTS } from "./clients/catalogue.js";
import { OPEN_MS } from "./clients/parts.js";
import { outcomeOf } from "./measure/outcome.js";
import { EXIT, type Options } from "./options.js";
import { writeReport } from "./report/report.js";
import { FULL, SHORT } from "./scenario.js";
import { endingLines } from "./screen/ending.js";
import { asJson } from "./screen/json.js";
import { canShowLive, Live } from "./screen/live.js";
import { narrate } from "./screen/narration.js";
import { nextLines } from "./screen/next.js";
import { openingLines } from "./screen/opening.js";
import { paintFor } from "./screen/paint.js";
import { PlainLines } from "./screen/plain.js";
import { project } from "./screen/projector.js";
import { Stage } from "./stage/stage.js";
import { tellStory } from "./stage/story.js";

/** The whole story, from the first process to the report. Gives the exit code. */
export async function run(options: Options): Promise<number> {
  const stage = await Stage.start(options.all ? ALL_CLIENTS : MAIN_CLIENTS, options.seed);
  try {
    return await tell(stage, options);
  } finally {
    stage.close();
  }
}

async function tell(stage: Stage, options: Options): Promise<number> {
  const { seed, json } = options;
  const schedule = options.short ? SHORT : FULL;
  // With --json, people read stderr.
  const screen = json ? process.stderr : process.stdout;
  const print = (line: string): void => void screen.write(`${line}\n`);
  const paint = paintFor(screen);
  const opening = openingLines(stage, seed, schedule);
  opening.forEach(print);
  const audience = canShowLive(screen) ? new Live(screen, paint) : new PlainLines(print);
  const stopShow = project(
    stage,
    audience,
    (nowMs) => narrate(stage.conditions, nowMs, schedule),
    () => ({ fromMs: 0, toMs: schedule.endMs }),
    schedule.endMs,
  );
  await Promise.race([tellStory(stage, schedule), stage.lost()]);
  stopShow();
  const outcome = outcomeOf(stage.lanes, schedule, OPEN_MS);
  const report = await writeReport({ lanes: stage.lanes, outcome, schedule, opening });
  if (json) console.log(asJson(outcome, report));
  else [...endingLines(outcome, paint), ...nextLines(report, paint)].forEach(print);
  if (!outcome.valid) return EXIT.notValid;
  return outcome.claims.every(({ held }) => held) ? 0 : EXIT.claimFailed;
}
