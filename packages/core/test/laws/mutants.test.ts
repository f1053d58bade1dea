import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { MUTANTS } from "./mutants/index.js";

const CONFIG = fileURLToPath(new URL("mutants/vitest.config.ts", import.meta.url));
const SOURCE = new URL("../../src/", import.meta.url);

/** What vitest's JSON report says of one test file. */
interface FileReport {
  readonly name: string;
  readonly message: string;
  readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
}

let reports: readonly FileReport[] = [];
beforeAll(async () => {
  reports = await runLawsOnMutants();
}, 600_000);

/** All of them in one vitest of its own, with few schedules and always the same: a mutant must not get away by chance. */
async function runLawsOnMutants(): Promise<readonly FileReport[]> {
  const folder = await mkdtemp(join(tmpdir(), "breakwater-mutants-"));
  const outputFile = join(folder, "report.json");
  try {
    const said = await runVitest(
      "run",
      "--config",
      CONFIG,
      "--reporter",
      "json",
      "--outputFile",
      outputFile,
    );
    const report = await readFile(outputFile, "utf8").catch(() => {
      throw new Error(`vitest made no report:\n${said}`);
    });
    return (JSON.parse(report) as { testResults: FileReport[] }).testResults;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Resolves with what it has said when it is done; that tests fail is what is hoped for. */
function runVitest(...args: readonly string[]): Promise<string> {
  const vitest = join(
    dirname(createRequire(import.meta.url).resolve("vitest/package.json")),
    "vitest.mjs",
  );
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST"));
  const env = { ...Object.fromEntries(inherited), BREAKWATER_RUNS: "100", BREAKWATER_SEED: "42" };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vitest, ...args], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => (said += String(chunk)));
    child.on("error", reject).on("close", () => resolve(said));
  });
}

it("there is a mutant for each law", () => {
  expect(MUTANTS.map(({ law }) => law)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
});

describe.each(MUTANTS)("law $law, $file: $because", ({ law, file, find, tests, caughtBy }) => {
  it("is planted where it was meant to be", async () => {
    const source = await readFile(new URL(file, SOURCE), "utf8");
    const times = source.split(find).length - 1;
    expect(
      times,
      `\`find\` of test/laws/mutants/${String(law).padStart(2, "0")}-*.ts must occur once in src/${file}`,
    ).toBe(1);
  });

  it("is caught by the law's tests", () => {
    const report = reports.find(({ name }) => basename(name) === tests);
    const caught = report?.assertionResults.filter(
      ({ title, status }) => title.startsWith(caughtBy) && status === "failed",
    );
    expect(
      caught?.length,
      `${tests}, "${caughtBy}…" did not fail. ${report?.message ?? "It did not run."}`,
    ).toBeGreaterThan(0);
  });
});
