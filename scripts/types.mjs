// pnpm test:types: what we publish, seen by the type checkers of users: each compiler, ES modules and CommonJS, the
// oldest and the newest axios, and our declarations are checked with the rest.
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, compilers, install, makeConsumer, TYPESCRIPT } from "./consumer.mjs";

const AXIOS = ["1.7.0", "1.21.1"];
const CONSUMERS = { "ES module": "consumer.mts", CommonJS: "consumer.cts" };

const COMPILER_OPTIONS = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  skipLibCheck: false,
  noEmit: true,
  target: "ES2022",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  module: "NodeNext",
  types: ["node"],
};

async function prepare(dir) {
  await makeConsumer(dir, ["core", "axios-adapter"], {
    ...compilers,
    "@types/node": "24.19.2",
    axios: AXIOS[0],
  });
  for (const file of Object.values(CONSUMERS)) {
    await cp(fileURLToPath(new URL(`types/${file}`, import.meta.url)), join(dir, file));
    await writeFile(
      join(dir, `tsconfig.${file}.json`),
      JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files: [file] }),
    );
  }
}

async function check(dir, axios) {
  for (const line of Object.keys(TYPESCRIPT))
    for (const [kind, file] of Object.entries(CONSUMERS)) {
      const row = `axios ${axios.padEnd(8)}tsc ${TYPESCRIPT[line].padEnd(8)}${kind.padEnd(11)}`;
      try {
        await compile(dir, line, `tsconfig.${file}.json`);
        console.log(`${row}ok`);
      } catch (error) {
        process.exitCode = 1;
        console.log(`${row}FAILED`);
        console.error([error.stdout, error.stderr, error.message].filter(Boolean).join("\n"));
      }
    }
}

const dir = await mkdtemp(join(tmpdir(), "types-"));
try {
  await prepare(dir);
  for (const axios of AXIOS) {
    await install(dir, `axios@${axios}`);
    await check(dir, axios);
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}
