import { stripVTControlCharacters } from "node:util";
import { Script } from "node:vm";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  ALL_CLIENTS,
  CLIENTS,
  type ClientName,
  MAIN_CLIENTS,
} from "../../src/demo/clients/catalogue.js";
import { difference } from "../../src/demo/clients/difference.js";
import { Conditions } from "../../src/demo/measure/conditions.js";
import { outcomeOf } from "../../src/demo/measure/outcome.js";
import { pageOf } from "../../src/demo/report/report.js";
import { FULL } from "../../src/demo/scenario.js";
import { endingLines } from "../../src/demo/screen/ending.js";
import { drawFrame } from "../../src/demo/screen/frame.js";
import { narrate } from "../../src/demo/screen/narration.js";
import { nextLines } from "../../src/demo/screen/next.js";
import { type Paint, paintFor } from "../../src/demo/screen/paint.js";
import { PlainLines } from "../../src/demo/screen/plain.js";
import type { Scene } from "../../src/demo/screen/scene.js";
import { sparkline } from "../../src/demo/screen/sparkline.js";
import { type PerSecond, runOf } from "./run-of.js";

const SECONDS = FULL.endMs / 1_000;
const plainly: Paint = (_style, text) => text;
const brownOut: PerSecond = (second) => (second >= 6 && second < 14 ? 0 : 50);
const collapse: PerSecond = (second) => (second >= 6 ? 0 : 50);

function lanesOf(names: readonly ClientName[]) {
  return names.map((name) => ({
    name,
    isOn: true,
    recording: runOf({
      seconds: SECONDS,
      answered: name === "naive" ? collapse : brownOut,
      ...(name === "annotated" ? { circuit: "half-open" } : {}),
    }),
  }));
}

function sceneAt(nowMs: number, names: readonly ClientName[] = MAIN_CLIENTS): Scene {
  const conditions = new Conditions();
  conditions.set(FULL.brownOutMs, "brown-out");
  conditions.set(FULL.healMs, "healthy");
  return { lanes: lanesOf(names), conditions, span: { fromMs: 0, toMs: FULL.endMs }, nowMs };
}

function frameAt(nowMs: number, width: number, names?: readonly ClientName[], paint = plainly) {
  const scene = sceneAt(nowMs, names);
  return drawFrame(narrate(scene.conditions, nowMs, FULL), scene, width, paint);
}

const longest = (lines: readonly string[]): number =>
  Math.max(...lines.map((line) => stripVTControlCharacters(line).length));

describe("the live screen", () => {
  test.each([3_000, 9_000, 20_000])(
    "fits 80 x 24 at %i ms, with three clients and with five",
    (nowMs) => {
      for (const names of [MAIN_CLIENTS, ALL_CLIENTS]) {
        expect(longest(frameAt(nowMs, 80, names))).toBeLessThanOrEqual(80);
        expect(frameAt(nowMs, 80, names).length).toBeLessThan(24);
      }
    },
  );

  test("is as wide in colour as without", () => {
    const coloured = frameAt(9_000, 80, MAIN_CLIENTS, paintFor({ isTTY: true }));
    expect(coloured.map(stripVTControlCharacters)).toEqual(frameAt(9_000, 80));
  });

  test("uses the room of a wide terminal", () => {
    expect(longest(frameAt(FULL.endMs, 140))).toBeGreaterThan(120);
  });

  test("says in every column that the upstream is healed", () => {
    const healed = frameAt(FULL.healMs + 500, 80).find((line) => line.startsWith("upstream"));
    expect(healed?.match(/HEALED/g)).toHaveLength(3);
  });

  test("shows who is back and who is not", () => {
    const recovery = frameAt(FULL.endMs, 80).find((line) => line.startsWith("recovery"));
    expect(recovery?.match(/after 1\.0 s|not yet/g)).toEqual([
      "after 1.0 s",
      "not yet",
      "after 1.0 s",
    ]);
  });
});

test("a narrow column leaves out what does not fit, and does not cut it", () => {
  const load = frameAt(20_000, 80, ALL_CLIENTS).find((line) => line.startsWith("load"));
  expect(load?.trim().split(/ {2,}/)).toEqual(["load", ...ALL_CLIENTS.map(() => "1.00 x")]);
});

test("a sparkline shows what has been, on the given scale", () => {
  const cell = sparkline(
    (fromMs) => fromMs / 100,
    { fromMs: 0, toMs: 1_000 },
    850,
    10,
    7,
    () => undefined,
  );
  expect(cell.map(({ text }) => text).join("")).toBe("▁▂▃▄▅▆▇█");
});

describe("without a terminal", () => {
  test("each second gives one line", () => {
    const write = vi.fn<(line: string) => void>();
    const lines = new PlainLines(write);
    for (const nowMs of [900, 1_000, 1_100, 1_900, 2_050])
      lines.watch(narrate(new Conditions(), nowMs, FULL), sceneAt(nowMs));
    expect(write.mock.calls.map(([line]) => line.slice(0, 5))).toEqual(["  1 s", "  2 s"]);
  });

  test.each([
    ["three clients, in one line", MAIN_CLIENTS, 1],
    ["five clients, in two lines", ALL_CLIENTS, 2],
  ])("a second of %s, fits 80 columns", (_, names, rows) => {
    const write = vi.fn<(line: string) => void>();
    new PlainLines(write).watch(narrate(new Conditions(), 9_000, FULL), sceneAt(9_000, names));
    const lines = write.mock.calls.map(([line]) => line);
    expect(lines).toHaveLength(rows);
    expect(longest(lines)).toBeLessThanOrEqual(80);
    for (const name of names) expect(lines.join(" ")).toContain(`${CLIENTS[name].title} `);
  });
});

describe("colours", () => {
  afterEach(() => void vi.unstubAllEnvs());

  test("are on a terminal only, and only without NO_COLOR", () => {
    vi.stubEnv("NO_COLOR", "");
    expect(paintFor({ isTTY: true })("red", "down")).not.toBe("down");
    expect(paintFor({ isTTY: false })("red", "down")).toBe("down");
    vi.stubEnv("NO_COLOR", "1");
    expect(paintFor({ isTTY: true })("red", "down")).toBe("down");
  });
});

describe("the end of a run", () => {
  const lanes = lanesOf(ALL_CLIENTS);
  const outcome = outcomeOf(lanes, FULL, 1_500);

  test("fits 80 columns, and for the three clients the whole of it 24 rows", () => {
    const three = outcomeOf(lanesOf(MAIN_CLIENTS), FULL, 1_500);
    const allHeld = { ...three, claims: three.claims.map((claim) => ({ ...claim, held: true })) };
    const lines = [...endingLines(allHeld, plainly), ...nextLines("/tmp/report.html", plainly)];
    expect(lines.length).toBeLessThan(24);
    expect(longest(lines)).toBeLessThanOrEqual(80);
    expect(longest(endingLines({ ...outcome, claims: [] }, plainly))).toBeLessThanOrEqual(80);
  });

  test("names each claim that failed, with what was measured", () => {
    const text = endingLines(outcome, plainly).join("\n");
    expect(text).toContain("Failed: naive at least doubles the load");
    expect(text).toContain("Measured: 1 requests for each call.");
  });

  test("says so when the run is not valid, and claims nothing", () => {
    const text = endingLines({ ...outcome, valid: false }, plainly).join("\n");
    expect(text).toContain("Not valid");
    expect(text).not.toMatch(/claims held|Failed/);
  });
});

test("the classes of bare and annotated differ in one line", () => {
  expect(difference().filter(({ isNew }) => isNew)).toEqual([
    { text: "  @Resilient(breaker, budget)", isNew: true },
  ]);
});

describe("the report", () => {
  const lanes = lanesOf(MAIN_CLIENTS);
  const outcome = outcomeOf(lanes, FULL, 1_500);
  const page = pageOf({ lanes, outcome, schedule: FULL, opening: ["</script> & co"] });

  test("needs nothing but itself", () => {
    expect(page).not.toMatch(/(?:src|href)=|@import|url\(/);
    expect(page).not.toContain("slot:");
  });

  test("brings its styles, its plots and a script that a browser can read", () => {
    const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map(([, code = ""]) => code);
    expect(scripts).toHaveLength(2);
    for (const code of scripts) expect(() => new Script(code)).not.toThrow();
    expect(scripts[0]).toContain("uPlot");
    expect(scripts[1]).toContain("headline()");
    expect(page).toMatch(/\.u-wrap.*#cards/s);
  });

  test("carries the numbers of the run, whatever they contain", () => {
    const [, json = ""] = /type="application\/json">(.*?)<\/script>/s.exec(page) ?? [];
    const data = JSON.parse(json) as { clients: { summary: unknown }[]; opening: string[] };
    expect(data.opening).toEqual(["</script> & co"]);
    expect(data.clients.map(({ summary }) => summary)).toEqual(
      Object.values(outcome.clients).map((summary) => ({ ...summary })),
    );
  });
});
