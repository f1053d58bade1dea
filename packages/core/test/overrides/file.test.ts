import { circuitBreaker, registry, resilient } from "@breakwater/core";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { rejectionOf, works } from "../regressions/fixtures.js";
import { ana, atNoon, MINUTE, NOON } from "./support.js";
import { clock } from "../support/virtual-clock.js";

atNoon();

const named = { name: "crm" };
const until = (ms: number): string => new Date(NOON + ms).toISOString();
const block = { verb: "block", policy: "crm", by: "ana", why: "INC-4711", until: "cleared" };

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "breakwater-"));
  path = join(folder, "overrides.json");
  vi.stubEnv("BREAKWATER_OVERRIDES", path);
});
afterEach(() => {
  vi.unstubAllEnvs();
  resilient(named); // nothing is followed any more
  rmSync(folder, { recursive: true });
});

/** Writes the file, and makes the policy that reads it first. */
function startWith(content: unknown) {
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return resilient(circuitBreaker(), named);
}

/** What the registry was told of a file that cannot be used. */
function rejectedWith(content: unknown): Promise<string> {
  return new Promise((resolve) => {
    const off = registry.on("overrides.rejected", ({ source, error, severity }) => {
      expect([source, severity]).toEqual([path, "error"]);
      off();
      resolve(error.message);
    });
    startWith(content);
  });
}

describe("the overrides file, when a process starts", () => {
  it("is obeyed by the very first call", async () => {
    const crm = startWith([block]);
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
    expect(registry.overrides()).toMatchObject([{ verb: "block", source: path }]);
  });

  it("need not be there, and may be empty", async () => {
    expect(await resilient(named).execute(works)).toBe("fine");
    vi.stubEnv("BREAKWATER_OVERRIDES", join(folder, "another.json"));
    path = join(folder, "another.json");
    expect(await startWith("\n").execute(works)).toBe("fine");
  });

  it("says until when by wall time; what is over does not stand", async () => {
    const crm = startWith([
      { ...block, until: until(-1) },
      { ...block, verb: "bypass", until: until(MINUTE) },
    ]);
    expect(registry.overrides().map(({ verb }) => verb)).toEqual(["bypass"]);
    await clock.advance(MINUTE);
    await crm.execute(works);
    expect(registry.overrides()).toEqual([]);
  });

  it("ends what it said once it is not named any more", async () => {
    startWith([block]);
    vi.stubEnv("BREAKWATER_OVERRIDES", "");
    expect(await resilient(named).execute(works)).toBe("fine");
  });

  it("is asked for like everything else", () => {
    registry.authorize((by) => by === "ben");
    startWith([block, { ...block, by: "ben" }]);
    expect(registry.overrides().map(({ by }) => by)).toEqual(["ben"]);
  });
});

describe("an overrides file that cannot be used", () => {
  it.each([
    ["what is no JSON", "[{", /JSON/],
    ["what is no list", { overrides: [] }, /overrides: expected a list/],
    ["an entry that is nothing", [null], /overrides\[0\]/],
    [
      "a duration, as it would begin anew in each process",
      [{ ...block, until: "30m" }],
      /overrides\[0\]\.until/,
    ],
    [
      "a time without a zone",
      [{ ...block, until: "2026-11-24T13:00:00" }],
      /overrides\[0\]\.until/,
    ],
    ["a clear", [{ ...block, verb: "clear", until: undefined }], /Take the entry out/],
    ["a name that is not ours", [{ ...block, "owner ": "x" }], /overrides\[0\]\.owner /],
    ["__proto__", `[{ "__proto__": { "verb": "block" } }]`, /__proto__/],
    ["__proto__ inside", `[{ "patch": { "a": { "__proto__": {} } } }]`, /__proto__/],
    ["constructor", `[{ "constructor": { "prototype": {} } }]`, /prototype/],
    ["more than 1 MB", " ".repeat(1_000_001), /at most 1000000 bytes/],
    [
      "more than 1,000 entries",
      Array.from({ length: 1_001 }, () => block),
      /at most 1000 overrides/,
    ],
    ["nesting without end", "[".repeat(400_000), /./],
  ])("is refused and told: %s", async (_, content, message) => {
    expect(await rejectedWith(content)).toMatch(message);
    expect(registry.overrides()).toEqual([]);
    expect(({} as { verb?: unknown }).verb).toBeUndefined();
  });

  it("names every problem of every entry", async () => {
    const wrong = [{ verb: "stop" }, block, { ...block, until: "soon", by: "" }];
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    startWith(wrong);
    const [[text]] = warned.mock.calls as unknown as [[string]];
    for (const at of [
      "[0].verb",
      "[0].policy",
      "[0].by",
      "[0].why",
      "[0].until",
      "[2].until",
      "[2].by",
    ])
      expect(text).toContain(`overrides${at}:`);
    warned.mockRestore();
  });

  it("is told on standard error where nobody listens, and nothing of it is taken", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const crm = startWith([block, { verb: "stop" }]);
    expect(warned).toHaveBeenCalledTimes(1);
    expect(warned).toHaveBeenCalledWith(
      expect.stringContaining(
        `The overrides of ${path} cannot be used, and those that stand stay.`,
      ),
      { code: "BREAKWATER_OVERRIDES" },
    );
    expect(await crm.execute(works)).toBe("fine");
    warned.mockRestore();
  });

  it("may be a folder or YAML that nobody reads", async () => {
    mkdirSync(join(folder, "yaml"));
    const messages: string[] = [];
    const off = registry.on("overrides.rejected", ({ error }) => messages.push(error.message));
    for (const name of ["yaml", "overrides.yaml"]) {
      if (name !== "yaml") writeFileSync(join(folder, name), "[]");
      vi.stubEnv("BREAKWATER_OVERRIDES", join(folder, name));
      resilient(named);
    }
    await clock.advance(0);
    off();
    expect(messages).toEqual([
      expect.stringContaining("expected a file"),
      expect.stringContaining("@breakwater/core/config"),
    ]);
  });

  it("leaves alone what code has set", async () => {
    ana("block");
    await rejectedWith("[{");
    expect(registry.overrides()).toHaveLength(1);
  });
});
