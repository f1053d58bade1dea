// pnpm test:dialects: what we publish, used by programs that are compiled by others: each compiler, both dialects.
//
// One self-checking program (dialects/consumer.ts) is compiled in a folder that has our packed tarball and the
// compilers, and nothing else of ours; then it is run, without and with reflect-metadata.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, compilers, makeConsumer, run, TYPESCRIPT } from "./consumer.mjs";

const PACKAGES = {
  ...compilers,
  "@types/node": "24.19.2",
  "@swc/core": "1.16.22",
  esbuild: "0.28.2",
  "reflect-metadata": "0.2.2",
};

/** As strict as a user may be, and our own declarations are checked with the rest. */
const COMPILER_OPTIONS = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  isolatedModules: true,
  skipLibCheck: false,
  target: "ES2022",
  lib: ["ES2023", "ESNext.Decorators"],
  module: "NodeNext",
  types: ["node"],
  rootDir: ".",
};

const tsc = (line) => async (dir, out, dialect) => {
  const legacy =
    dialect === "legacy" ? { experimentalDecorators: true, emitDecoratorMetadata: true } : {};
  const compilerOptions = { ...COMPILER_OPTIONS, ...legacy, outDir: out };
  await writeFile(
    join(dir, `tsconfig.${out}.json`),
    JSON.stringify({ compilerOptions, files: ["consumer.ts"] }),
  );
  await compile(dir, line, `tsconfig.${out}.json`);
};

const esbuild = async (dir, out, dialect) => {
  const { build } = createRequire(join(dir, "package.json"))("esbuild");
  await build({
    absWorkingDir: dir,
    entryPoints: ["consumer.ts"],
    outdir: out,
    format: "esm",
    target: "es2022",
    tsconfigRaw: { compilerOptions: { experimentalDecorators: dialect === "legacy" } },
    logLevel: "silent",
  });
};

const swc = (transform) => async (dir, out) => {
  const { transform: compile } = createRequire(join(dir, "package.json"))("@swc/core");
  const { code } = await compile(await readFile(join(dir, "consumer.ts"), "utf8"), {
    filename: "consumer.ts",
    swcrc: false,
    module: { type: "es6" },
    jsc: { target: "es2022", parser: { syntax: "typescript", decorators: true }, transform },
  });
  await cp(join(dir, "package.json"), join(dir, out, "package.json"));
  await writeFile(join(dir, out, "consumer.js"), code);
};

const typescript = Object.keys(TYPESCRIPT).flatMap((line) =>
  ["legacy", "standard"].map((dialect) => ({
    compiler: `tsc ${TYPESCRIPT[line]}`,
    dialect,
    compile: tsc(line),
  })),
);
const COMPILERS = [
  ...typescript,
  { compiler: `esbuild ${PACKAGES.esbuild}`, dialect: "legacy", compile: esbuild },
  { compiler: `esbuild ${PACKAGES.esbuild}`, dialect: "standard", compile: esbuild },
  {
    compiler: `swc ${PACKAGES["@swc/core"]}`,
    dialect: "legacy",
    compile: swc({ legacyDecorator: true, decoratorMetadata: true }),
  },
  {
    compiler: `swc ${PACKAGES["@swc/core"]} (2022-03)`,
    dialect: "standard",
    compile: swc({ decoratorVersion: "2022-03" }),
  },
  {
    compiler: `swc ${PACKAGES["@swc/core"]} (2023-11)`,
    dialect: "standard",
    compile: swc({ decoratorVersion: "2023-11" }),
  },
];

/** What the program found out about its own compilation. */
async function runProgram(dir, out, flags) {
  const { stdout } = await run(process.execPath, [...flags, join(out, "consumer.js")], {
    cwd: dir,
  });
  return JSON.parse(stdout);
}

async function check(dir, { dialect, compile: build }, index) {
  const out = `out-${index}`;
  await build(dir, out, dialect);
  const bare = await runProgram(dir, out, []);
  const reflecting = await runProgram(dir, out, ["--import", "reflect-metadata"]);
  for (const found of [bare, reflecting])
    if (found.dialect !== dialect)
      throw new Error(`compiled to ${found.dialect} decorators instead of ${dialect} ones`);
  return reflecting;
}

const print = (compiler, dialect, designTypes, metadata, result) =>
  console.log(
    `${compiler.padEnd(24)}${dialect.padEnd(10)}${designTypes.padEnd(14)}${metadata.padEnd(10)}${result}`,
  );
const yesOrNo = (flag) => (flag ? "yes" : "no");

const dir = await mkdtemp(join(tmpdir(), "dialects-"));
try {
  await makeConsumer(dir, ["core"], PACKAGES);
  await cp(
    fileURLToPath(new URL("dialects/consumer.ts", import.meta.url)),
    join(dir, "consumer.ts"),
  );
  print("compiler", "dialect", "design types", "metadata", "result");
  for (const [index, row] of COMPILERS.entries()) {
    try {
      const { designTypes, metadata } = await check(dir, row, index);
      print(row.compiler, row.dialect, yesOrNo(designTypes), yesOrNo(metadata), "ok");
    } catch (error) {
      process.exitCode = 1;
      print(row.compiler, row.dialect, "-", "-", "FAILED");
      console.error([error.stdout, error.stderr, error.message].filter(Boolean).join("\n"));
    }
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}
