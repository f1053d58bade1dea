import { Ajv, type ErrorObject } from "ajv";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFile } from "../../src/config/parse.js";
import { type Located, readSpec } from "../../src/config/read-spec.js";
import { PART_KINDS } from "../../src/parts/part.js";
import { policySchema } from "../../src/policy/policy-options.js";
import { KINDS } from "../../src/policy/settings/kinds.js";
import { TEN_MISTAKES } from "./ten-mistakes.js";

const root = join(import.meta.dirname, "../../../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const schema = JSON.parse(read("packages/core/config.schema.json")) as object;
/** Strict: a keyword that no validator knows is an error. */
const matches = new Ajv({ strict: true, allErrors: true }).compile(schema);

function mismatchesOf(config: unknown): readonly ErrorObject[] {
  return matches(config) ? [] : (matches.errors ?? []);
}

/** What the loader has against a config, but for names that nobody has: which there are no schema can know. */
function problemsOf(config: unknown): readonly Located[] {
  return readSpec(config).issues.filter(
    ({ expected, received }) =>
      !(received.startsWith('"') && /a name under shared|another policy|extends/.test(expected)),
  );
}

/** Where a validator finds something wrong: `/policies/ledger/colour`. */
function pointerOf({ instancePath, params }: ErrorObject): string {
  const { additionalProperty: name } = params as { additionalProperty?: string };
  return name === undefined ? instancePath : `${instancePath}/${name}`;
}

interface Config {
  readonly where: string;
  readonly config: unknown;
}

/** Config files that somebody has written as a text between quotes, if they can be read. */
function literalsOf(file: string): Config[] {
  const text = /(["'`])\n?((?:shared|defaults|policies|overrides): ?(?:(?!\1|\$\{)[^])+)\1/g;
  return [...read(file).matchAll(text)].flatMap(({ 2: literal = "" }) => configsIn(file, literal));
}

function configsIn(where: string, text: string): Config[] {
  const { value, issues } = parseFile(text);
  return issues.length === 0 ? [{ where: `${where}: ${text}`, config: value }] : [];
}

function filesIn(folder: string, end: string): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(end)).map((file) => join(folder, file));
}

function blocksIn(page: string, language: string): string[] {
  const blocks = read(page).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"));
  return [...blocks].map(([, block = ""]) => block);
}

describe("the schema of config files takes", () => {
  it("every config that the guides show", () => {
    const pages = filesIn("docs", ".md");
    const configs = pages.flatMap((page) =>
      blocksIn(page, "yaml").flatMap((block) => configsIn(page, block)),
    );
    expect(configs.length).toBeGreaterThan(0);
    for (const { where, config } of configs) expect(mismatchesOf(config), where).toEqual([]);
  });

  it("the list of overrides that the guide shows", () => {
    const [list = ""] = blocksIn("docs/guides/operate.md", "json");
    expect(mismatchesOf({ overrides: JSON.parse(list) as unknown })).toEqual([]);
  });

  it.each([
    ["a name with nothing after it", "shared:\ndefaults:\npolicies:\n  crm:\noverrides:"],
    ["the name of a part", "policies: { crm: { breaker: { name: crm } } }"],
    ["the method that answers", "policies: { crm: { fallback: { answer: lastKnown } } }"],
    ["where it is itself", "$schema: ./config.schema.json\npolicies: {}"],
  ])("%s", (_what, text) => {
    expect(problemsOf(parseFile(text).value)).toEqual([]);
    expect(mismatchesOf(parseFile(text).value)).toEqual([]);
  });
});

describe("the schema of config files refuses", () => {
  it("ten mistakes, each at its place", () => {
    const config = parseFile(TEN_MISTAKES).value;
    const pointers = mismatchesOf(config).map(pointerOf);
    const issues = problemsOf(config);
    expect(issues).toHaveLength(9); // and two names of what is not there
    for (const { keys } of issues) {
      const place = `/${keys.join("/")}`;
      // A value that stands for the one option of its part is wrong where the part is.
      const around = place.replace(/\/attemptTimeoutMs$/, "");
      expect(pointers.includes(place) || pointers.includes(around), place).toBe(true);
    }
  });

  it.each([
    "policy: {}",
    "shared: { crm: { timeout: { attemptTimeoutMs: 2s } } }",
    "shared: { crm: { breaker: { opensMs: 2s } } }",
    "defaults: { tiemout: 2s }",
    "policies: { crm: { tiemout: 2s } }",
    "policies: { crm: { name: ledger } }",
    "policies: { crm: { breaker: { opensMs: 2s } } }",
    "policies: { crm: { breaker: { window: { seconds: 2 } } } }",
    "policies: { crm: { canary: { ratio: 0.1, share: 1 } } }",
    "overrides: [{ verb: reset, policy: crm, by: ana, why: INC-4711, until: cleared }]",
    "overrides: [{ verb: block, policy: crm, by: ana, why: INC-4711, until: 30m }]",
  ])("what is not known: %s", (text) => {
    expect(problemsOf(parseFile(text).value)).not.toEqual([]);
    expect(mismatchesOf(parseFile(text).value)).not.toEqual([]);
  });
});

/** Something of each kind that a field may be, or may not be. */
const VALUES: readonly unknown[] = [
  [null, true, false, -1, 0, 0.5, 1, 1.5, 2, 50, 2_147_483_647, 1e12],
  ["", "a", "x".repeat(257), "2s", "1.5m", "2", "soon"],
  ["cleared", "2026-11-24T03:45:00Z", "2026-11-24T03:45"],
  ["enforce", "instance", "full", "calls", "transient"],
  [[], ["refused"], ["unheard of"], {}, { unheardOf: 1 }],
  [{ ms: "10s" }, { ms: 1 }, { ms: 1e12 }, { count: 10 }, { count: 10, ms: 10 }],
  [{ ratio: 0.5 }, { ratio: 2 }, { ratio: 0.5, by: "key", salt: "a" }],
].flat();

interface Place {
  readonly place: string;
  readonly put: (value: unknown) => unknown;
}

const SECTIONS = ["$schema", "shared", "defaults", "policies", "overrides", "unheardOf"];
const OPTIONS = [...PART_KINDS, ...Object.keys(policySchema.fields), "extends", "unheardOf"];

const block = { verb: "block", policy: "crm", by: "ana", why: "INC-4711", until: "cleared" };
const tune = { ...block, verb: "tune", patch: {} };
const { until: _until, ...reset } = { ...block, verb: "reset" };

/** The homes of a policy's options. */
const HOMES: readonly Place[] = [
  { place: "defaults", put: (value) => ({ defaults: value }) },
  { place: "policies.crm", put: (value) => ({ policies: { crm: value } }) },
  { place: "shared.crm", put: (value) => ({ shared: { crm: value } }) },
  { place: "overrides[0].patch", put: (value) => ({ overrides: [{ ...tune, patch: value }] }) },
];

/** One level further in. */
function inside({ place, put }: Place, names: readonly string[], beside: object = {}): Place[] {
  return names.map((name) => ({
    place: `${place}.${name}`,
    put: (value) => put({ ...beside, [name]: value }),
  }));
}

const places: readonly Place[] = [
  ...inside({ place: "file", put: (value) => value }, SECTIONS),
  ...HOMES.flatMap((home) => [home, ...inside(home, OPTIONS)]),
  ...HOMES.flatMap((home) =>
    PART_KINDS.flatMap((kind) =>
      inside(inside(home, [kind])[0] as Place, [
        ...Object.keys(KINDS[kind].schema.fields),
        "unheardOf",
      ]),
    ),
  ),
  ...[block, tune, reset].flatMap((request) =>
    inside(
      { place: `overrides[0] (${request.verb})`, put: (value) => ({ overrides: [value] }) },
      [...Object.keys(tune), "key", "unheardOf"],
      request,
    ),
  ),
];

describe("the schema of config files and the loader agree", () => {
  it.each(places)("on $place", ({ place, put }) => {
    for (const value of VALUES) {
      const config = put(value);
      const isTaken = problemsOf(config).length === 0;
      expect(mismatchesOf(config).length === 0, `${place}: ${JSON.stringify(value)}`).toBe(isTaken);
    }
  });

  it("on every config of the guides and of our own tests", () => {
    const files = [...filesIn("docs", ".md"), ...filesIn("packages/core/test", ".ts")];
    const configs = files.flatMap(literalsOf);
    expect(configs.length).toBeGreaterThan(30);
    for (const { where, config } of configs)
      expect(mismatchesOf(config).length === 0, where).toBe(problemsOf(config).length === 0);
  });
});
