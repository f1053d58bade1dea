import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import type { Issue } from "../../errors/errors.js";
import { summarize } from "../../errors/summary.js";
import { tell } from "../../events/audience.js";
import { hub } from "../../events/hub.js";
import { type FileStamp, stampOf, watchFile } from "../../files/watch-file.js";
import { invalidSpec, issueOf } from "../../parts/options.js";
import { clock, type Timer } from "../../time/clock.js";
import { checkRequests, keysOf } from "./request.js";
import { forget, syncWith } from "./sync.js";

/** Names the file: a list of overrides, as JSON; as YAML where `@breakwater/core/config` is loaded. */
const VARIABLE = "BREAKWATER_OVERRIDES";
const MOST_BYTES = 1_000_000;
/** Editors take a file away for a moment before they put another one in its place. */
const GONE_FOR_GOOD_MS = 400;

/** A text as data, and where in the text everything is. */
interface ParsedText {
  readonly value: unknown;
  readonly issues: readonly Issue[];
  readonly lineOf: (path: readonly string[]) => number | undefined;
}

let followed: OverridesFile | undefined;
let parseYaml: ((text: string) => ParsedText) | undefined;

/**
 * Before the first policy runs anything, the file that the environment names has been read, so that a process that lives
 * for one call obeys it, too. From then on it is watched. Where the variable is not set nothing is read or watched.
 */
export function followOverridesFile(): void {
  const path = process.env[VARIABLE]?.trim() ?? "";
  if (path === (followed?.path ?? "")) return;
  followed?.close();
  followed = path === "" ? undefined : new OverridesFile(path);
}

/** YAML is not read by the main entry: whoever loads a parser for it brings it here. */
export function readYamlWith(parse: (text: string) => ParsedText): void {
  parseYaml = parse;
  if (followed !== undefined && isYaml(followed.path)) followed.read();
}

class OverridesFile {
  readonly path: string;
  readonly #stopWatching: () => void;
  #gone: Timer | undefined;

  constructor(path: string) {
    this.path = path;
    this.#stopWatching = watchFile(path, this.read(), this, { mostBytes: MOST_BYTES });
  }

  /** At once. A file that is not there says nothing: it is written when somebody needs it. */
  read(): FileStamp | undefined {
    try {
      const found = statSync(this.path, { throwIfNoEntry: false });
      if (found !== undefined && !found.isFile())
        throw invalidSpec([issueOf(this.path, "a file", "something else")]);
      return found === undefined ? this.#isGone() : this.#readWhole();
    } catch (error) {
      this.#reject(error);
      return undefined;
    }
  }

  /** From the watcher. */
  changed(bytes: Uint8Array): void {
    clock.clearTimer(this.#gone);
    try {
      this.#take(bytes);
    } catch (error) {
      this.#reject(error);
    }
  }

  /** From the watcher: it has been taken away, or is no longer ours to read. */
  unreadable(error: Error): void {
    clock.clearTimer(this.#gone);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#reject(error);
    else this.#gone = clock.setBackgroundTimer(() => void this.read(), GONE_FOR_GOOD_MS);
  }

  close(): void {
    clock.clearTimer(this.#gone);
    this.#stopWatching();
    forget("environment", this.path);
  }

  #isGone(): undefined {
    syncWith("environment", this.path, []);
  }

  #readWhole(): FileStamp {
    const file = openSync(this.path, "r");
    try {
      const stats = fstatSync(file, { bigint: true });
      if (stats.size > MOST_BYTES) throw tooLarge();
      this.#take(readFileSync(file));
      return stampOf(stats);
    } finally {
      closeSync(file);
    }
  }

  /** All or nothing: of a file with a mistake in it, nothing is taken. */
  #take(bytes: Uint8Array): void {
    if (bytes.length > MOST_BYTES) throw tooLarge();
    const { value, issues, lineOf } = this.#parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    );
    if (issues.length > 0) throw invalidSpec(issues);
    const checked = checkRequests(value, "overrides");
    if (checked.issues.length > 0)
      throw invalidSpec(
        checked.issues.map((issue) => withLine(issue, lineOf(keysOf(issue).slice(1)))),
      );
    syncWith("environment", this.path, checked.requests);
  }

  #parse(text: string): ParsedText {
    if (text.trim() === "") return plainly([]);
    if (!isYaml(this.path)) return plainly(JSON.parse(text, refuseHostile));
    if (parseYaml !== undefined) return parseYaml(text);
    const hint = 'Import "@breakwater/core/config", which reads YAML, or write JSON';
    throw invalidSpec([issueOf(this.path, "a JSON file", "a YAML file", hint)]);
  }

  /** What stands stays. Where nobody listens it is told on standard error: a mistyped block must not go unnoticed. */
  #reject(error: unknown): void {
    const details = { source: this.path, error: summarize(error) };
    if (hub.wanted) return tell(hub, { policy: "*" }, "overrides.rejected", details);
    const text = error instanceof Error ? error.message : String(error);
    process.emitWarning(
      `The overrides of ${this.path} cannot be used, and those that stand stay. ${text}`,
      {
        code: VARIABLE,
      },
    );
  }
}

function plainly(value: unknown): ParsedText {
  return { value, issues: [], lineOf: () => undefined };
}

function withLine(issue: Issue, line: number | undefined): Issue {
  return line === undefined ? issue : { ...issue, line };
}

function tooLarge(): Error {
  return invalidSpec([issueOf("file", `at most ${MOST_BYTES} bytes`, "more")]);
}

function isYaml(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

const HOSTILE = new Set(["__proto__", "constructor", "prototype"]);

function refuseHostile(key: string, value: unknown): unknown {
  if (HOSTILE.has(key)) throw invalidSpec([issueOf("overrides", "no such name", key)]);
  return value;
}
