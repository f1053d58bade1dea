import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { STOPPED } from "../../packages/core/src/engine/report.js";
import { ERRORS } from "../../packages/core/src/errors/errors.js";
import { logEventsSchema } from "../../packages/core/src/logging/log-events.js";
import { bulkheadSchema } from "../../packages/core/src/parts/bulkhead.js";
import { circuitBreakerSchema } from "../../packages/core/src/parts/circuit-breaker-options.js";
import { classifySchema } from "../../packages/core/src/parts/classify.js";
import { fileDeadLettersSchema } from "../../packages/core/src/dead-letters/file/file-dead-letters.js";
import { replaySchema } from "../../packages/core/src/dead-letters/replay.js";
import { deadLetterSchema } from "../../packages/core/src/parts/dead-letter.js";
import { fallbackSchema } from "../../packages/core/src/parts/fallback.js";
import { docOf, type Fields } from "../../packages/core/src/parts/options.js";
import { rateLimitSchema } from "../../packages/core/src/parts/rate-limit.js";
import { retrySchema } from "../../packages/core/src/parts/retry.js";
import { retryBudgetSchema } from "../../packages/core/src/parts/retry-budget.js";
import { deadlineSchema, timeoutSchema } from "../../packages/core/src/parts/time-limits.js";
import { overrideSchema } from "../../packages/core/src/policy/overrides/request.js";
import { policySchema } from "../../packages/core/src/policy/policy-options.js";
import { root } from "./blocks.js";

/** Each schema, and the interface that documents it for users. */
const SCHEMAS = [
  {
    schema: circuitBreakerSchema,
    source: "parts/circuit-breaker-options.ts",
    options: "CircuitBreakerOptions",
  },
  { schema: retryBudgetSchema, source: "parts/retry-budget.ts", options: "RetryBudgetOptions" },
  { schema: retrySchema, source: "parts/retry.ts", options: "RetryOptions" },
  { schema: timeoutSchema, source: "parts/time-limits.ts", options: "TimeoutOptions" },
  { schema: deadlineSchema, source: "parts/time-limits.ts", options: "DeadlineOptions" },
  { schema: bulkheadSchema, source: "parts/bulkhead.ts", options: "BulkheadOptions" },
  { schema: rateLimitSchema, source: "parts/rate-limit.ts", options: "RateLimitOptions" },
  { schema: fallbackSchema, source: "parts/fallback.ts", options: "FallbackOptions" },
  { schema: deadLetterSchema, source: "parts/dead-letter.ts", options: "DeadLetterOptions" },
  {
    schema: fileDeadLettersSchema,
    source: "dead-letters/file/file-dead-letters.ts",
    options: "FileDeadLettersOptions",
  },
  { schema: replaySchema, source: "dead-letters/replay.ts", options: "ReplayOptions" },
  { schema: classifySchema, source: "parts/classify.ts", options: "ClassifyOptions" },
  { schema: logEventsSchema, source: "logging/log-events.ts", options: "LogEventsOptions" },
  { schema: overrideSchema, source: "policy/overrides/request.ts", options: "Asked" },
  { schema: policySchema, source: "policy/policy-options.ts", options: "PolicyOptions" },
];

function defaultsOf(fields: Fields): Map<string, string> {
  return new Map(Object.entries(fields).map(([name, field]) => [name, docOf(field).default]));
}

test("the generated tables are up to date", () => {
  const script = join(root, "scripts/reference.mjs");
  const { stderr, status } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

describe("the defaults table of the README", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, table = ""] = /<!-- generated: defaults -->(.*?)<!-- end -->/s.exec(readme) ?? [];
  const rows = table.matchAll(/^\| `(\w+)` +\| `(\w+)` +\| (.*?) +\|/gm);
  const shown = [...rows].map(([, part = "", option = "", value = ""]) => ({
    part,
    option,
    value,
  }));

  test("has every default that a number gives", () => {
    const numbers = SCHEMAS.flatMap(({ schema }) => [...defaultsOf(schema.fields)]);
    const expected = new Set(
      numbers.filter(([, value]) => /^\d/.test(value)).map(([option]) => option),
    );
    for (const option of expected) expect(shown.map((row) => row.option)).toContain(option);
    expect(expected.size).toBeGreaterThan(15);
  });

  test.each(shown)("gives $value for $option of $part", ({ part, option, value }) => {
    const { schema } = SCHEMAS.find(({ schema: { title } }) => title === part) ?? {};
    expect(defaultsOf(schema?.fields ?? {}).get(option)).toBe(value);
  });
});

/** The rows of all tables of a page, cell by cell. */
function rowsOf(page: string): string[][] {
  const rows = readFileSync(join(root, page), "utf8").match(/^\| .* \|$/gm) ?? [];
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

test.each(["README.md", "docs/reference.md"])("%s has every error code and its meaning", (page) => {
  for (const [code, { refusal, means }] of Object.entries(ERRORS))
    expect(rowsOf(page)).toContainEqual([`\`${code}\``, refusal ? "yes" : "", means]);
});

test("the reference has every reason to stop and its meaning", () => {
  for (const [reason, meaning] of Object.entries(STOPPED))
    expect(rowsOf("docs/reference.md")).toContainEqual([`\`${reason}\``, meaning]);
});

/** What the comment of each option says after the word "default". */
function documentedDefaults(source: string, options: string): { option: string; text: string }[] {
  const code = readFileSync(join(root, "packages/core/src", source), "utf8");
  const [, body = ""] = new RegExp(`interface ${options} \\{\\n(.*?)\\n\\}`, "s").exec(code) ?? [];
  const members = [...body.matchAll(/\/\*\*(.*?)\*\/\s+readonly (\w+)\??:/gs)];
  return members.flatMap(([, comment = "", option = ""]) => {
    const [, text] =
      /(?:[;.] |^ ?)default:? (.*)/is.exec(comment.replaceAll(/\s*\n\s*\*?\s*/g, " ")) ?? [];
    return text === undefined ? [] : [{ option, text }];
  });
}

/** `10,000`, `10_000` and "`10000`" are one value. */
function plain(text: string): string {
  return text.replaceAll(/(?<=\d)[,_](?=\d)/g, "").replaceAll(/[`'"]/g, "");
}

function numbersIn(text: string): string[] {
  return plain(text).match(/\d+(?:\.\d+)?/g) ?? [];
}

function firstSentence(text: string): string {
  return text.split(/\.(?:\s|$)/)[0] ?? "";
}

const documented = SCHEMAS.flatMap(({ schema, source, options }) =>
  documentedDefaults(source, options).map(({ option, text }) => {
    const value = defaultsOf(schema.fields).get(option) ?? "";
    return {
      title: schema.title,
      option,
      text,
      value,
      isPlain: /^(?:[\w.]+(?: (?:ms|s|min|h))?|\{.*\})$/.test(value),
    };
  }),
);

test("the comments of the options are found", () => {
  expect(documented.length).toBeGreaterThan(25);
});

test.each(documented.filter(({ isPlain }) => isPlain))(
  "the comment of $option of $title gives its default, $value",
  ({ text, value }) => {
    expect(plain(text).startsWith(plain(value))).toBe(true);
    expect(plain(text).slice(plain(value).length)).toMatch(/^(?:\W|$)/);
  },
);

test.each(documented.filter(({ isPlain }) => !isPlain))(
  "the comment of $option of $title has no other numbers than its default, $value",
  ({ text, value }) => {
    expect(numbersIn(value)).toEqual(expect.arrayContaining(numbersIn(firstSentence(text))));
  },
);
