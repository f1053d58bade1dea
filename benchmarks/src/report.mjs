import { styleText } from "node:util";
import { rowOf } from "./statistics.mjs";

/** @typedef {import("./types.js").Results} Results */
/** @typedef {ReturnType<typeof import("./goals.mjs").judge>} Verdicts */

/**
 * @param {import("./types.js").Suite["scenarios"]} scenarios
 * @param {Results} results
 * @param {Verdicts} verdicts
 * @param {number} rounds
 */
export function asText(scenarios, results, verdicts, rounds) {
  const timings = Object.entries(results.timings).map(([name, list]) =>
    section(`${name}: ${scenarios[name]?.title}`, timingTable(list.map(rowOf))),
  );
  const heap = Object.entries(results.heap).map(([name, rows]) =>
    section(`${name}: heap per call`, heapTable(rows)),
  );
  const counts = Object.entries(results.counts).map(([name, rows]) =>
    section(`${name}: made per call`, countTable(rows)),
  );
  const goals = verdicts.length > 0 ? [section("Goals", goalTable(verdicts))] : [];
  return [intro(rounds), ...timings, ...heap, ...counts, ...goals].join("\n");
}

/**
 * @param {Results} results
 * @param {Verdicts} verdicts
 * @param {number} rounds
 */
export function asJson({ timings, heap, counts }, verdicts, rounds) {
  const timed = Object.entries(timings).map(([name, list]) => [name, list.map(rowOf)]);
  const goals = verdicts.map(({ id, goal, value, met }) => ({ id, goal, value, met }));
  return JSON.stringify(
    {
      node: process.version,
      date: new Date().toISOString(),
      rounds,
      scenarios: Object.fromEntries(timed),
      heap,
      counts,
      goals,
    },
    undefined,
    2,
  );
}

/** @param {number} rounds */
const intro = (
  rounds,
) => `Node.js ${process.version}; nanoseconds per call; ratios are medians over ${rounds} rounds.
The contestants of a table share a process in which six shapes of policy are in use; "(alone)" had a process of its own, where no other task has run.
`;

/**
 * @param {string} title
 * @param {string} body
 */
const section = (title, body) => `${bold(title)}\n${body}\n`;

/** @param {readonly import("./types.js").Row[]} rows */
function timingTable(rows) {
  const cells = rows.map(({ contestant, nsMedian, nsMin, ratio, note = "" }) => [
    contestant,
    amount(nsMedian),
    amount(nsMin),
    amount(ratio),
    note,
  ]);
  return table(["", "ns median", "ns least", `x ${rows[0]?.contestant}`, ""], cells);
}

/** @param {readonly import("./types.js").Heap[]} rows */
function heapTable(rows) {
  return table(
    ["", "bytes over bare"],
    rows.map(({ contestant, bytesOverBare }) => [contestant, amount(Math.round(bytesOverBare))]),
  );
}

/** @param {readonly import("./types.js").Counts[]} rows */
function countTable(rows) {
  const cells = rows.map(({ contestant, promises, ticks, timers, abortControllers, clockReads }) =>
    [contestant, promises, ticks, timers, abortControllers, Number(clockReads.toFixed(3))].map(
      String,
    ),
  );
  return table(
    ["", "promises over bare", "ticks over bare", "timers", "AbortControllers", "clock reads"],
    cells,
  );
}

/** @param {Verdicts} verdicts */
function goalTable(verdicts) {
  const cells = verdicts.map(({ id, goal, value, met, unit }) => [
    id,
    goal,
    withUnit(value, unit),
    met ? "met" : "NOT MET",
  ]);
  return table(["", "", "measured", ""], cells)
    .replaceAll(/ NOT MET$/gm, (text) => colour("red", text))
    .replaceAll(/ met$/gm, (text) => colour("green", text));
}

/**
 * @param {number | null} value
 * @param {import("./types.js").Goal["unit"]} unit
 */
function withUnit(value, unit) {
  if (value === null) return amount(value);
  if (unit === "ns") return `${amount(Math.round(value))} ns`;
  if (unit === "B") return `${amount(Math.round(value))} B`;
  if (unit === "x") return value < 0.1 ? `1/${(1 / value).toFixed(1)}` : `${value.toFixed(2)}x`;
  return amount(value);
}

/** @param {number | null} value */
function amount(value) {
  if (value === null) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const digits = value < 0.1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/**
 * Columns with a title are numbers and stand to the right; those without are texts.
 *
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
function table(head, rows) {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const isText = head.map((title) => title === "");
  const line = (/** @type {readonly string[]} */ cells) =>
    cells
      .map((cell, i) => (isText[i] ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ");
  return [head, ...rows].map((cells) => `  ${line(cells).trimEnd()}`).join("\n");
}

/** Only on a terminal that wants it. */
const colour = (
  /** @type {Parameters<typeof styleText>[0]} */ format,
  /** @type {string} */ text,
) => styleText(format, text, { stream: process.stdout });
const bold = (/** @type {string} */ text) => colour("bold", text);
