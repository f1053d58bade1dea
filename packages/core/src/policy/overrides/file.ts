import { readFileSync, statSync } from "node:fs";
import { summarize } from "../../errors/summary.js";
import { tell } from "../../events/audience.js";
import { hub } from "../../events/hub.js";
import { invalidSpec, issueOf } from "../../parts/options.js";
import { checkRequests } from "./request.js";
import { forget, syncWith } from "./sync.js";

/** Names the file: a list of overrides, as JSON; as YAML where `@breakwater/core/config` is loaded. */
const VARIABLE = "BREAKWATER_OVERRIDES";
const LARGEST_BYTES = 1_000_000;

let followed: string | undefined;
let parseYaml: ((text: string) => unknown) | undefined;

/**
 * Before the first policy runs anything, the file that the environment names has been read, so that a process that lives
 * for one call obeys it, too. Where the variable is not set nothing is read and nothing is watched.
 */
export function followOverridesFile(): void {
  const path = process.env[VARIABLE]?.trim();
  if (path === followed || (path === "" && followed === undefined)) return;
  if (followed !== undefined) forget(followed);
  followed = path === "" ? undefined : path;
  if (followed !== undefined) readNow(followed);
}

/** YAML is not read by the main entry: whoever loads a parser for it brings it here. */
export function readYamlWith(parse: (text: string) => unknown): void {
  parseYaml = parse;
  if (followed !== undefined && isYaml(followed)) readNow(followed);
}

function readNow(path: string): void {
  try {
    takeText(path, textOf(path));
  } catch (error) {
    reject(path, error);
  }
}

/** A file that is not there says nothing: it is written when somebody needs it. */
function textOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "[]";
  if (!found.isFile()) throw invalidSpec([issueOf(path, "a file", "something else")]);
  if (found.size > LARGEST_BYTES)
    throw invalidSpec([issueOf(path, `at most ${LARGEST_BYTES} bytes`, found.size)]);
  return readFileSync(path, "utf8");
}

/** All or nothing: of a file with a mistake in it, nothing is taken. */
function takeText(path: string, text: string): void {
  const { requests, issues } = checkRequests(parse(path, text), "overrides");
  if (issues.length > 0) throw invalidSpec(issues);
  syncWith(path, requests);
}

function parse(path: string, text: string): unknown {
  if (text.trim() === "") return [];
  if (!isYaml(path)) return JSON.parse(text, refuseHostile);
  if (parseYaml !== undefined) return parseYaml(text);
  const hint = 'Import "@breakwater/core/config", which reads YAML, or write JSON';
  throw invalidSpec([issueOf(path, "a JSON file", "a YAML file", hint)]);
}

function isYaml(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

const HOSTILE = new Set(["__proto__", "constructor", "prototype"]);

function refuseHostile(key: string, value: unknown): unknown {
  if (HOSTILE.has(key)) throw invalidSpec([issueOf("overrides", "no such name", key)]);
  return value;
}

/** What stands stays. Whoever has no listener is told on standard error: a mistyped block must not go unnoticed. */
function reject(path: string, error: unknown): void {
  if (hub.wanted)
    return tell(hub, { policy: "*" }, "overrides.rejected", {
      source: path,
      error: summarize(error),
    });
  const text = error instanceof Error ? error.message : String(error);
  process.emitWarning(
    `The overrides of ${path} cannot be used, and those that stand stay. ${text}`,
    {
      code: VARIABLE,
    },
  );
}
