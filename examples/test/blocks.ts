import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** Where the blocks are written, so that a compiler can read them. */
export const blocksFolder = join(root, "examples/.blocks");

/** One ```ts block of a page. */
export interface Block {
  /** `docs/guides/keys.md:12` */
  readonly title: string;
  /** The file it was written to. */
  readonly path: string;
  readonly code: string;
  /** What it shall print: its `// prints:` comments, then the ```text block right below it. */
  readonly prints: readonly string[];
  /** It is a test file, and its tests are what it has to say. */
  readonly isTest: boolean;
}

const BLOCK = /^```ts\n(.*?)^```\n(?:\n?```text\n(.*?)^```\n)?/gms;

/** Writes the blocks of all pages to files, each complete in itself. */
export function writeBlocks(): readonly Block[] {
  rmSync(blocksFolder, { recursive: true, force: true });
  mkdirSync(blocksFolder, { recursive: true });
  const pages = [
    "README.md",
    "packages/core/README.md",
    "packages/axios-adapter/README.md",
    "packages/pg-adapter/README.md",
    ...guides(),
  ].filter((page) => existsSync(join(root, page)));
  const blocks = pages.flatMap(blocksOf);
  for (const { path, code } of blocks) writeFileSync(path, `${code}\nexport {};\n`);
  writeFileSync(join(blocksFolder, "tsconfig.json"), JSON.stringify(COMPILER, null, 2));
  return blocks;
}

function guides(): string[] {
  const files = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`)
    .toSorted();
}

function blocksOf(page: string): Block[] {
  const markdown = readFileSync(join(root, page), "utf8");
  return [...markdown.matchAll(BLOCK)].map(({ 1: code = "", 2: output = "", index }) => {
    const line = markdown.slice(0, index).split("\n").length;
    return {
      title: `${page}:${line}`,
      path: join(blocksFolder, `${page.replaceAll(/\W/g, "-")}-${line}.ts`),
      code,
      prints: [...printsComments(code), ...output.split("\n").slice(0, -1)],
      isTest: /from "vitest"/.test(code),
    };
  });
}

function printsComments(code: string): string[] {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, text = ""]) => text);
}

const COMPILER = {
  extends: "../tsconfig.json",
  compilerOptions: {
    rootDir: "../..",
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    tsBuildInfoFile: null,
  },
  include: ["*.ts"],
  references: [],
};
