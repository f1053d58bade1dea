import { CLIENTS, type ClientName } from "../clients/catalogue.js";
import { difference } from "../clients/difference.js";
import { recoveryText } from "../common/format.js";
import type { Claim } from "../measure/claims.js";
import type { Outcome } from "../measure/outcome.js";
import type { Summary } from "../measure/summary.js";
import { TABLE } from "../measure/table.js";
import { MAX_LATENESS_MS } from "../scenario.js";
import type { Paint } from "./paint.js";

type Entry = [ClientName, Summary];

/** What a run ends with: a line for each client, the difference, the table, the claims. */
export function endingLines({ clients, ...outcome }: Outcome, paint: Paint): string[] {
  const entries = Object.entries(clients) as Entry[]; // keys are client names by its type
  return [
    ...entries.map(([name, summary]) => sentence(name, summary, paint)),
    "",
    ...differenceLines(paint),
    "",
    ...tableLines(entries, paint),
    ...claimLines(outcome, paint),
  ];
}

function sentence(name: ClientName, summary: Summary, paint: Paint): string {
  const { calls, upstreamRequests, answered, recoveryMs } = summary;
  const title = paint("bold", CLIENTS[name].title.padEnd(9));
  const recovery = paint(recoveryMs === null ? "red" : "green", recoveryText(recoveryMs));
  return `${title}  sent ${upstreamRequests} requests for ${calls} calls, answered ${answered}; ${recovery}`;
}

function differenceLines(paint: Paint): string[] {
  return difference().map(({ text, isNew }) =>
    isNew ? paint("green", `+ ${text}`) : paint("dim", `  ${text}`),
  );
}

function tableLines(entries: readonly Entry[], paint: Paint): string[] {
  const width = entries.length > 3 ? 10 : 12;
  const row = (label: string, cells: readonly string[]): string =>
    label.padEnd(27) + cells.map((cell) => cell.padStart(width)).join("");
  return [
    paint(
      "bold",
      row(
        "",
        entries.map(([name]) => CLIENTS[name].title),
      ),
    ),
    ...TABLE.map(([label, value]) =>
      row(
        label,
        entries.map(([, summary]) => value(summary)),
      ),
    ),
  ];
}

function claimLines(
  { claims, valid, latenessMs }: Omit<Outcome, "clients">,
  paint: Paint,
): string[] {
  if (!valid)
    return [
      paint("red", "Not valid: this machine was too busy to start the calls on time."),
      `At the 99th percentile they were ${latenessMs} ms late; ${MAX_LATENESS_MS} ms is the most. Try again.`,
    ];
  const failed = claims.filter(({ held }) => !held);
  const onTime = `calls started at most ${latenessMs} ms late (p99)`;
  if (failed.length === 0)
    return [paint("green", `All ${claims.length} claims held`) + paint("dim", `; ${onTime}.`)];
  return failed.map((claim) => paint("red", failedText(claim)));
}

function failedText({ claim, measured }: Claim): string {
  return `Failed: ${claim}. Measured: ${measured}.`;
}
