// pnpm docs:reference: fills in the generated tables of the README and of docs/, from the schemas and tables of the source.
// With --check it writes nothing, and exits with 1 when a file is stale.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { configSchema } from "./config-schema.mjs";

const FILES = ["README.md", "docs/reference.md", "docs/verdicts.md", "docs/guides/postgres.md"];
const root = fileURLToPath(new URL("../", import.meta.url));
const source = `${root}packages/core/src/`;

/** The internals that the tables are made from; bundled in memory, as they are TypeScript with `.js` specifiers. */
async function loadSource() {
  const contents = `
    export { bulkheadSchema } from "./parts/bulkhead.js";
    export { circuitBreakerSchema } from "./parts/circuit-breaker-options.js";
    export { classifySchema } from "./parts/classify.js";
    export { deadLetterSchema } from "./parts/dead-letter.js";
    export { fileDeadLettersSchema } from "./dead-letters/file/file-dead-letters.js";
    export { replaySchema } from "./dead-letters/replay.js";
    export { fallbackSchema } from "./parts/fallback.js";
    export { rateLimitSchema } from "./parts/rate-limit.js";
    export { docOf, schemaOf } from "./parts/options.js";
    export { PART_KINDS } from "./parts/part.js";
    export { KINDS, SHAREABLE } from "./policy/settings/kinds.js";
    export { toJsonSchema } from "@valibot/to-json-schema";
    export { retrySchema } from "./parts/retry.js";
    export { retryBudgetSchema } from "./parts/retry-budget.js";
    export { deadlineSchema, timeoutSchema } from "./parts/time-limits.js";
    export { logEventsSchema } from "./logging/log-events.js";
    export { overrideSchema } from "./policy/overrides/request.js";
    export { policySchema } from "./policy/policy-options.js";
    export { ERRORS } from "./errors/errors.js";
    export { EVENTS } from "./events/catalog.js";
    export { STOPPED } from "./engine/report.js";
    export { VERDICTS } from "./verdicts/verdict.js";
    export { SQLSTATES } from "../../pg-adapter/src/classify/sqlstates.js";
    export { KNOWN_CODES, KNOWN_NAMES, UNSENT_WHILE_CONNECTING, verdictOfStatus } from "./classify/known-errors.js";
  `;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: source, loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    conditions: ["@breakwater/source"],
    logLevel: "warning",
  });
  return import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
  );
}

const code = (text) => `\`${text}\``;
const cell = (text) => String(text).replaceAll("|", "\\|");
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows]
    .map((row) => `| ${row.map(cell).join(" | ")} |`)
    .join("\n");

function tables(core) {
  const { docOf } = core;
  const parts = [
    core.circuitBreakerSchema,
    core.retryBudgetSchema,
    core.retrySchema,
    core.timeoutSchema,
    core.deadlineSchema,
    core.bulkheadSchema,
    core.rateLimitSchema,
    core.fallbackSchema,
    core.deadLetterSchema,
    core.classifySchema,
  ];
  const withDefaults = [
    ...parts,
    core.logEventsSchema,
    core.fileDeadLettersSchema,
    core.replaySchema,
  ];
  const schemas = [...withDefaults, core.policySchema, core.overrideSchema];
  return {
    ...Object.fromEntries(
      schemas.map((schema) => [schema.title, () => optionTable(schema, docOf)]),
    ),
    defaults: () => defaultsTable(withDefaults, docOf),
    errors: () => errorTable(core.ERRORS),
    events: () => eventTable(core.EVENTS),
    endings: () => table(["`stoppedBy`", "Meaning"], pairs(core.STOPPED)),
    peers: () => peerTable(schemas),
    verdicts: () => verdictTable(core.VERDICTS),
    statuses: () => statusTable(core.verdictOfStatus),
    codes: () => knownTable(core.KNOWN_CODES, core.UNSENT_WHILE_CONNECTING),
    names: () => knownTable(core.KNOWN_NAMES, new Set()),
    sqlstates: () => sqlStateTable(core.SQLSTATES),
  };
}

const pairs = (record) => Object.entries(record).map(([name, meaning]) => [code(name), meaning]);

function optionTable({ fields }, docOf) {
  const rows = Object.entries(fields).map(([name, field]) => {
    const { type, bounds, default: byDefault, meaning } = docOf(field);
    return [code(name), type, bounds, byDefault, meaning];
  });
  return table(["Option", "Type", "Bounds", "Default", "Meaning"], rows);
}

/** Only what differs from "nothing": an option that is off unless given needs no row here. */
function defaultsTable(schemas, docOf) {
  const seen = new Set();
  const rows = schemas.flatMap(({ title, fields }) =>
    Object.entries(fields).flatMap(([name, field]) => {
      const { type, default: byDefault, meaning } = docOf(field);
      if (type === "text" || ["none", "false", "required"].includes(byDefault) || seen.has(name))
        return [];
      seen.add(name);
      return [[code(title), code(name), byDefault, meaning]];
    }),
  );
  return table(["Part", "Option", "Default", "Meaning"], rows);
}

function sqlStateTable(states) {
  const rows = states.map(({ code: state, name, verdict, undone, connection }) => [
    state.length === 2 ? `${code(state)} and others of this class` : code(state),
    name,
    verdict,
    undone ? "always" : "",
    connection,
  ]);
  return table(["SQLSTATE", "Means", "Verdict", "Safe to repeat", "Connection"], rows);
}

function errorTable(errors) {
  const rows = Object.entries(errors).map(([name, { refusal, means }]) => [
    code(name),
    refusal ? "yes" : "",
    means,
  ]);
  return table(["`code`", "Refusal", "Meaning"], rows);
}

function eventTable(events) {
  const documented = documentedEvents();
  const rows = Object.entries(events).map(([type, { severity, perCall }]) => {
    const { fields, meaning } = documented.get(type);
    return [code(type), severity, perCall ? "" : "yes", fields.map(code).join(", "), meaning];
  });
  return table(["Event", "Severity", "In `'*'`", "Carries", "Meaning"], rows);
}

/** What the types say of each event: its fields, and the comment above it. */
function documentedEvents() {
  const text = readFileSync(`${source}events/catalog.ts`, "utf8");
  const [, body] = /interface EventDetails \{\n(.*?)\n\}/s.exec(text);
  const entries = body.matchAll(
    /^ {2}(?:\/\*\* (.*?) \*\/\n {2})?"([\w.]+)": (\w*)(?: & )?(?:\{(.*?)\})?;$/gms,
  );
  return new Map(
    [...entries].map(([, meaning = "", type, shared, members = ""]) => [
      type,
      { fields: [...fieldsOfInterface(text, shared), ...fieldsIn(members)], meaning },
    ]),
  );
}

const fieldsIn = (members) =>
  [...members.matchAll(/readonly (\w+\??):/g)].map(([, field]) => field);

/** What several events carry alike. */
function fieldsOfInterface(text, name) {
  const [, members = ""] = new RegExp(`interface ${name} \\{\n(.*?)\n\\}`, "s").exec(text) ?? [];
  return name === "" ? [] : fieldsIn(members);
}

function peerTable(schemas) {
  const rows = schemas.flatMap(({ title, peerNames }) =>
    Object.entries(peerNames).map(([theirs, ours]) => [code(title), code(theirs), ours("n")]),
  );
  return table(["Given to", "As", "Here that is"], rows);
}

const ROW = { reset: "reset", add: "+1", leave: "no change" };
const PROBE = { success: "success", failure: "failure", none: "slot given back" };

function verdictTable(verdicts) {
  const rows = Object.values(verdicts).map(
    ({ name, retry, row, inWindow, failure, timeout, probe, alive }) => {
      const counted = ["call", failure && "failure", timeout && "timeout"].filter(Boolean);
      return [
        code(name),
        retry ? "yes" : "no",
        ROW[row],
        inWindow ? counted.join(", ") : "–",
        PROBE[probe],
        alive ? "yes" : "no",
      ];
    },
  );
  return table(
    [
      "Verdict",
      "Retry",
      "Failures in a row",
      "In the window",
      "As a probe",
      "Deposits (`credit: 'successes'`)",
    ],
    rows,
  );
}

function statusTable(verdictOfStatus) {
  const byVerdict = new Map();
  for (let status = 400; status < 600; status++) {
    const verdict = verdictOfStatus(status);
    byVerdict.set(verdict, [...(byVerdict.get(verdict) ?? []), status]);
  }
  return table(
    ["Verdict", "Status"],
    [...byVerdict].map(([verdict, statuses]) => [code(verdict), ranges(statuses)]),
  );
}

function ranges(numbers) {
  const runs = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1) === number - 1) run.push(number);
    else runs.push([number]);
  }
  return runs.map((run) => (run.length === 1 ? run[0] : `${run[0]} to ${run.at(-1)}`)).join(", ");
}

function knownTable(known, unsentWhileConnecting) {
  const groups = new Map();
  for (const [name, { verdict, sent }] of known) {
    const unsent = !sent ? "yes" : unsentWhileConnecting.has(name) ? "while connecting" : "";
    const group = `${code(verdict)}|${unsent}`;
    groups.set(group, [...(groups.get(group) ?? []), code(name)]);
  }
  const anyUnsent = [...groups.keys()].some((group) => !group.endsWith("|"));
  const rows = [...groups].map(([group, names]) => {
    const [verdict, unsent] = group.split("|");
    return anyUnsent ? [verdict, unsent, names.join(" ")] : [verdict, names.join(" ")];
  });
  return table(anyUnsent ? ["Verdict", "Unsent", "`code`"] : ["Verdict", "`name`"], rows);
}

/** A section stands between two comments, so that hand-written prose and generated tables share a file. */
function fillIn(text, sections) {
  return text.replace(/(<!-- generated: (\S+) -->\n).*?(<!-- end -->)/gs, (_, start, name, end) => {
    if (sections[name] === undefined) throw new Error(`No table is named ${name}.`);
    return `${start}\n${sections[name]()}\n\n${end}`;
  });
}

function formatted(file, text) {
  const { stdout, stderr, status } = spawnSync(
    `${root}node_modules/.bin/oxfmt`,
    ["--stdin-filepath", file],
    { input: text, encoding: "utf8", cwd: root },
  );
  if (status !== 0) throw new Error(`oxfmt: ${stderr}`);
  return stdout;
}

const core = await loadSource();
const sections = tables(core);
const stale = FILES.filter((file) => {
  const before = readFileSync(root + file, "utf8");
  const after = formatted(file, fillIn(before, sections));
  if (before !== after && !process.argv.includes("--check")) writeFileSync(root + file, after);
  return before !== after;
});

const SCHEMA_FILE = "packages/core/config.schema.json";
const schemaNow = formatted(SCHEMA_FILE, JSON.stringify(configSchema(core)));
if (!existsSync(root + SCHEMA_FILE) || readFileSync(root + SCHEMA_FILE, "utf8") !== schemaNow) {
  stale.push(SCHEMA_FILE);
  if (!process.argv.includes("--check")) writeFileSync(root + SCHEMA_FILE, schemaNow);
}

if (process.argv.includes("--check") && stale.length > 0) {
  console.error(`Stale: ${stale.join(", ")}. Run pnpm docs:reference.`);
  process.exitCode = 1;
} else {
  console.log(
    stale.length === 0 ? "The generated tables are up to date." : `Written: ${stale.join(", ")}.`,
  );
}
