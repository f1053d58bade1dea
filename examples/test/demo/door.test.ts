import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { transform } from "esbuild";
import { describe, expect, test } from "vitest";
import { HELP, parseOptions, UsageError } from "../../src/demo/options.js";
import { root } from "../blocks.js";

const door = join(root, "examples/demo.cjs");

describe("the door", () => {
  test("tells an old Node.js what it lacks, in one sentence", () => {
    const script = `Object.defineProperty(process.versions, "node", { value: "12.22.12" }); require(${JSON.stringify(door)});`;
    const { stderr, stdout, status } = spawnSync(process.execPath, ["-e", script], {
      encoding: "utf8",
    });
    expect(stderr).toBe("The demo needs Node.js 20.19 or newer; this is 12.22.12.\n");
    expect(stdout).toBe("");
    expect(status).toBe(70);
  });

  test("is written as Node.js 12 can read it: nothing in it needs to be lowered", async () => {
    const source = readFileSync(door, "utf8");
    const lowered = await transform(source, { target: "node12.22" });
    const asItIs = await transform(source, { target: "esnext" });
    expect(lowered.code).toBe(asItIs.code);
  });
});

describe("the arguments", () => {
  test("may be none", () => {
    expect(parseOptions([])).toEqual({
      play: false,
      all: false,
      json: false,
      short: false,
      help: false,
      seed: 1,
    });
  });

  test("may be any of the help's", () => {
    expect(parseOptions(["--all", "--json", "--short", "--seed", "42"])).toMatchObject({
      all: true,
      json: true,
      short: true,
      seed: 42,
    });
  });

  test.each([
    [["--fast"], "Unknown option '--fast'; --help lists what there is."],
    [["now"], "Unexpected argument 'now'; --help lists what there is."],
    [["--seed", "-1"], /--seed/],
    [["--seed", "many"], "--seed takes a whole number from 0 on, not many."],
    [["--play", "--json"], /--play is for a person/],
  ])("%j are refused in one line", (args, sentence) => {
    const refused = (): unknown => parseOptions(args);
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow(sentence);
    expect(refused).not.toThrow(/\n/);
  });

  test("are all in the help", () => {
    for (const option of ["--play", "--all", "--json", "--short", "--seed", "--help"])
      expect(HELP).toContain(`\n  ${option} `);
    expect(Math.max(...HELP.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
