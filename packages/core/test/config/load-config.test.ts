import {
  BreakwaterError,
  circuitBreaker,
  definePolicy,
  protect,
  registry,
  resilient,
  timeout,
} from "@breakwater/core";
import { loadConfig } from "@breakwater/core/config";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TEN_MISTAKES } from "./ten-mistakes.js";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "breakwater-config-"))));
afterEach(() => {
  rmSync(folder, { recursive: true });
  // What only the file knows would forbid the next test to load another one.
  for (const name of names.splice(0)) defineIfFree(name);
  load("policies: {}");
});

let count = 0;
const names: string[] = [];

/** Policies of the registry live as long as the process. */
function fresh(name: string): string {
  names.push(`${name}-${++count}`);
  return `${name}-${count}`;
}

function defineIfFree(name: string): void {
  try {
    definePolicy(name);
  } catch (error) {
    if (!String(error).includes("a name that is not taken")) throw error;
  }
}

const fail = (): Promise<never> => Promise.reject(new Error("down"));

const load = (text: string) => loadConfig({ text });

function problemsOf(text: string): BreakwaterError["issues"] {
  try {
    load(text);
  } catch (error) {
    if (error instanceof BreakwaterError && error.code === "ERR_INVALID_SPEC") return error.issues;
    throw error;
  }
  throw new Error("there was no problem");
}

const valueOf = (policy: { explain(): { values: readonly { path: string }[] } }, path: string) =>
  policy.explain().values.find((value) => value.path === path);

describe("a config", () => {
  it("stands over code, field by field, and explain() says which is whose", () => {
    const name = fresh("ledger");
    const ledger = definePolicy(name, circuitBreaker({ openMs: "15s", probes: 2 }), timeout("2s"));
    load(`policies: { ${name}: { breaker: { openMs: 5s }, timeout: 1s, owner: ana } }`);
    expect(valueOf(ledger, "breaker.openMs")).toMatchObject({ value: 5_000, source: "file" });
    expect(valueOf(ledger, "breaker.probes")).toMatchObject({ value: 2, source: "code" });
    expect(valueOf(ledger, "breaker.maxKeys")).toMatchObject({ value: 10_000, source: "default" });
    expect(String(ledger.explain())).toContain("each attempt 1 s");
    expect(ledger.explain().owner).toBe("ana");
    expect(ledger.history()).toMatchObject([{ how: "file" }]);
  });

  it("gives way to the next one: what is not in it any more is again as code has it", () => {
    const name = fresh("ledger");
    const ledger = definePolicy(name, timeout("2s"));
    load(`policies: { ${name}: { timeout: 1s } }`);
    ledger.tune({ timeout: "500ms" });
    load("policies: {}");
    expect(valueOf(ledger, "timeout.attemptTimeoutMs")).toMatchObject({ value: 2_000 });
  });

  it("leaves what has been tuned alone, as long as it says the same of that policy", () => {
    const name = fresh("ledger");
    const ledger = definePolicy(name, timeout("2s"));
    load(`policies: { ${name}: { timeout: 1s } }`);
    ledger.tune({ timeout: "500ms" });
    load(`# a comment\npolicies:\n  ${name}:\n    timeout: "1s"\n  other: {}`);
    expect(valueOf(ledger, "timeout.attemptTimeoutMs")).toMatchObject({
      value: 500,
      source: "tune",
    });
    load(`policies: { ${name}: { timeout: 3s } }`);
    expect(valueOf(ledger, "timeout.attemptTimeoutMs")).toMatchObject({
      value: 3_000,
      source: "file",
    });
  });

  it("fills in by its defaults what neither code nor the policy says", () => {
    const [ofCode, bare, ofFile] = [fresh("code"), fresh("bare"), fresh("file")];
    const ledger = definePolicy(ofCode, circuitBreaker({ openMs: "15s" }), { owner: "ben" });
    const rates = definePolicy(bare);
    load(`
defaults: { breaker: { openMs: 1s, probes: 7 }, timeout: 3s, owner: ana }
policies: { ${ofCode}: {}, ${bare}: {}, ${ofFile}: { breaker: { openMs: 2s } } }
`);
    expect(valueOf(ledger, "breaker.openMs")).toMatchObject({ value: 15_000, source: "code" });
    expect(valueOf(ledger, "breaker.probes")).toMatchObject({ value: 3, source: "default" });
    expect(valueOf(ledger, "timeout.attemptTimeoutMs")).toMatchObject({ value: 3_000 });
    expect(ledger.explain().owner).toBe("ben");
    expect(valueOf(rates, "breaker.openMs")).toMatchObject({ value: 1_000, source: "file" });
    expect(valueOf(resilient(ofFile), "breaker.openMs")).toMatchObject({ value: 2_000 });
    expect(valueOf(resilient(ofFile), "breaker.probes")).toMatchObject({ value: 7 });
  });

  it("lets a policy extend another one", () => {
    const [base, name] = [fresh("base"), fresh("ledger")];
    load(`
policies:
  ${base}: { timeout: 1s, deadline: 9s, owner: ana }
  ${name}: { extends: ${base}, timeout: 2s }
`);
    const ledger = resilient(name);
    expect(valueOf(ledger, "timeout.attemptTimeoutMs")).toMatchObject({ value: 2_000 });
    expect(valueOf(ledger, "deadline.deadlineMs")).toMatchObject({ value: 9_000 });
    expect(ledger.explain().owner).toBe("ana");
  });

  it("makes policies that code only names, bound at their first call", async () => {
    const name = fresh("ledger");
    class Ledger {
      post(): Promise<string> {
        return Promise.resolve("posted");
      }
    }
    protect(Ledger, { post: name });
    load(`policies: { ${name}: { breaker: { probes: 1 } } }`);
    expect(await new Ledger().post()).toBe("posted");
    expect(valueOf(resilient(name), "breaker.probes")).toMatchObject({ value: 1, source: "file" });
    const ledger = resilient(name);
    expect(definePolicy(name, timeout("2s"))).toBe(ledger);
    expect(valueOf(ledger, "timeout.attemptTimeoutMs")).toMatchObject({ source: "code" });
    expect(() => load("policies: {}")).not.toThrow();
  });

  it("is found by what is made after it, by code and by decorated methods", async () => {
    const name = fresh("later");
    class Rates {
      latest(): Promise<number> {
        return Promise.resolve(1);
      }
    }
    load(`policies: { ${name}: { timeout: 1s }, Rates.latest: { timeout: 3s } }`);
    protect(Rates, { latest: [timeout("2s")] });
    await new Rates().latest();
    const made = registry.policies().filter((policy) => policy.name === "Rates.latest");
    expect(valueOf(made.at(-1) as never, "timeout.attemptTimeoutMs")).toMatchObject({
      value: 3_000,
    });
    const later = resilient(timeout("2s"), { name });
    expect(valueOf(later, "timeout.attemptTimeoutMs")).toMatchObject({
      value: 1_000,
      source: "file",
    });
    load("policies: {}");
  });

  it("lets policies share a part, which keeps its state from file to file", async () => {
    const [one, two] = [fresh("one"), fresh("two")];
    const text = (failures: number) => `
shared: { crm: { breaker: { consecutiveFailures: ${failures} } } }
policies: { ${one}: { breaker: crm }, ${two}: { breaker: crm, timeout: 2s } }
`;
    load(text(2));
    for (let n = 0; n < 2; n++)
      await resilient(one)
        .execute(fail)
        .catch(() => {});
    load(text(3));
    await expect(resilient(two).execute(fail)).rejects.toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
      guard: "crm",
    });
    expect(String(resilient(one).explain())).toContain("opens on 3 failures in a row");
    expect(resilient(one).revision).toBe(1);
  });

  it.each(["before", "after"])("changes a named part of code, loaded %s it is used", (when) => {
    const part = fresh("billing");
    const text = `shared: { ${part}: { breaker: { probes: 9 } } }`;
    if (when === "before") load(text);
    const breaker = circuitBreaker({ name: part, openMs: "5s" });
    const users = ["reads", "writes"].map((name) => resilient(breaker, { name: fresh(name) }));
    if (when === "after") load(text);
    for (const user of users)
      expect(String(user.explain())).toContain("for 5 s, growing to 10 s; then 9 probes");
    load("shared: {}");
    expect(String(users[0]?.explain())).toContain("then 3 probes");
  });

  it("does not change a part that others use through one policy", () => {
    const name = fresh("reads");
    const breaker = circuitBreaker();
    definePolicy(name, breaker);
    const other = resilient(breaker, { name: fresh("writes") });
    expect(problemsOf(`policies:\n  ${name}:\n    breaker:\n      probes: 1`)).toMatchObject([
      { path: `policies.${name}.breaker`, line: 3, hint: expect.stringContaining(other.name) },
    ]);
  });

  it("is read from a path or a file URL, YAML or JSON", () => {
    const path = join(folder, "c.json");
    const name = fresh("json");
    writeFileSync(path, JSON.stringify({ policies: { [name]: { timeout: "1s" } } }));
    expect(loadConfig(path)).toMatchObject({ file: path, policies: [name], changed: [] });
    expect(loadConfig(new URL(`file://${path}`)).policies).toEqual([name]);
    expect(() => loadConfig(join(folder, "none.yaml"))).toThrow(/ENOENT/);
  });

  it("is refused while a policy that only it describes would lose it", () => {
    const name = fresh("only");
    load(`policies: { ${name}: { timeout: 1s } }`);
    const only = resilient(name);
    expect(problemsOf("policies: {}")?.map(({ path }) => path)).toContain(`policies.${name}`);
    definePolicy(name, timeout("2s"));
    load("policies: {}");
    expect(valueOf(only, "timeout.attemptTimeoutMs")).toMatchObject({ value: 2_000 });
  });
});

it("with ten mistakes is ten problems, each with path, line, what was expected and what was found", () => {
  const problems = problemsOf(TEN_MISTAKES) ?? [];
  const found = problems.map(({ path, line }) => `${line} ${path}`);
  expect(found.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))).toEqual([
    "3 shared.crm.braker",
    "5 defaults.retry.maxAttempts",
    "9 policies.ledger.breaker.openMs",
    "10 policies.ledger.breaker.failureRatio",
    "11 policies.ledger.breaker.resetTimeout",
    "12 policies.ledger.budget",
    "13 policies.ledger.timeout.attemptTimeoutMs",
    "14 policies.ledger.colour",
    "16 policies.rates.extends",
    "17 policies.rates.bulkhead.limit",
    "18 poilcies",
  ]);
  for (const { expected, received } of problems) expect([expected, received]).not.toContain("");
  expect(problems.find(({ path }) => path === "poilcies")?.hint).toBe("Did you mean policies?");
  expect(problems.find(({ path }) => path.endsWith("resetTimeout"))?.hint).toBe(
    "Here that is openMs",
  );
  expect(problems.find(({ path }) => path.endsWith("extends"))?.hint).toBe("Did you mean ledger?");
  expect(problems.find(({ path }) => path.endsWith("openMs"))).toMatchObject({
    expected: expect.stringContaining("a duration"),
    received: '"soon"',
  });
});

describe("hostile input is refused:", () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]
${"bcdefgh"
  .split("")
  .map((name, n) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[n]}`).join(",")}]`)
  .join("\n")}`;
  it.each([
    ["__proto__ as a policy", "policies: { __proto__: { timeout: 1s } }"],
    ["__proto__ deep inside", "policies: { a: { breaker: { window: { __proto__: { ms: 9 } } } } }"],
    ["a quoted __proto__", 'policies: { "__proto__": { polluted: 1 } }'],
    ["an escaped __proto__", String.raw`policies: { "\x5f_proto__": { polluted: 1 } }`],
    ["constructor", "policies: { constructor: { prototype: { polluted: 1 } } }"],
    ["prototype", "shared: { prototype: {} }"],
    ["a custom tag", "policies: { a: !!js/function 'x' }"],
    ["a local tag", "policies: !evil {}"],
    ["a tag directive", "%TAG ! tag:evil,2000:\n---\npolicies: !x {}"],
    ["an older YAML", "%YAML 1.1\n---\npolicies: {}"],
    ["an alias bomb", `${bomb}\npolicies: *h`],
    ["a long row of aliases", `x: &x 1\npolicies: [${Array(60).fill("*x").join(",")}]`],
    ["an alias to itself", "policies: &p { a: *p }"],
    ["a merge key", "a: &a { timeout: 1s }\npolicies: { b: { <<: *a } }"],
    ["two documents", "policies: {}\n---\npolicies: {}"],
    ["a name twice", "policies: { a: {}, a: {} }"],
    ["a name that is no text", "policies: { ? { a: 1 } : {} }"],
    ["nothing", ""],
    ["a list", "[]"],
    ["brackets without end", "[".repeat(100_000)],
    ["lists without end", "- ".repeat(50_000)],
    [
      "levels without end",
      Array.from({ length: 2_000 }, (_, n) => `${" ".repeat(n)}a:`).join("\n"),
    ],
    ["a byte order mark", "\u{FEFF}policies: {}"],
    ["a zero byte", "policies: {}\u0000"],
    ["more than 1 MB", `# ${"x".repeat(1_000_001)}\npolicies: {}`],
  ])("%s", (_what, text) => {
    const beganMs = performance.now();
    const problems = problemsOf(text);
    expect(problems?.length).toBeGreaterThan(0);
    for (const { line } of problems ?? []) expect(line ?? 1).toBeGreaterThan(0);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(performance.now() - beganMs).toBeLessThan(10_000);
  });

  it.each([
    ["UTF-16", Buffer.from("\u{FEFF}policies: {}", "utf16le")],
    ["a byte order mark", Buffer.from("\u{FEFF}policies: {}")],
    ["bytes that are no text", Buffer.from([0xc3, 0x28, 0x0a])],
    ["more than 1 MB", Buffer.alloc(1_000_001, " ")],
  ])("a file of %s", (_what, bytes) => {
    const path = join(folder, "c.yaml");
    writeFileSync(path, bytes);
    expect(() => loadConfig(path)).toThrow(/1 problem/);
  });
});

describe("registry.seal()", () => {
  it("finds every name that nobody has defined, with who asks for it and what was probably meant", () => {
    class Post {
      send(): Promise<void> {
        return Promise.resolve();
      }
    }
    definePolicy("mailserver", timeout("1s"));
    protect(Post, { send: "mailsever" });
    expect(() => registry.seal()).toThrow(
      /"mailsever", asked for by Post\.send; did you mean "mailserver"\?/,
    );
    definePolicy("mailsever", timeout("1s"));
    registry.seal();
  });

  it("finds what the file names and nobody uses", () => {
    class Stock {
      level(): Promise<void> {
        return Promise.resolve();
      }
    }
    protect(Stock, { level: [timeout("1s")] });
    load("policies: { Stock.level: { timeout: 2s }, Stock.levle: { timeout: 2s }, nobody: {} }");
    expect(registry.seal().unused).toEqual(["Stock.levle", "nobody"]);
    load("policies: {}");
  });
});
