import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  visit,
} from "yaml";
import type { Issue } from "../errors/errors.js";

/** A config file as data, which knows where in the file each value is. */
export interface ParsedFile {
  readonly value: unknown;
  readonly issues: readonly Issue[];
  /** The line of what is there, from 1; of the nearest around it if there is nothing. */
  readonly lineOf: (path: readonly string[]) => number;
}

/** What no name may be: as properties they would reach what all objects have in common. */
const DANGEROUS = new Set(["__proto__", "constructor", "prototype"]);
const MOST_ALIASES = 50;
/** A config has five levels; what is deeper by far is there to exhaust us. */
const MOST_LEVELS = 64;

/** `- - - -`, a level each. */
const NESTED_IN_A_LINE = new RegExp(`^ *(?:[-?:][ \\t]+){${MOST_LEVELS},}`, "m");

/** YAML 1.2 with its core schema, of which JSON is a part. */
export function parseFile(text: string): ParsedFile {
  const early = refusedUnread(text);
  if (early !== undefined) return unusable([early]);
  const lines = new LineCounter();
  try {
    const documents = parseAllDocuments(text, {
      version: "1.2",
      schema: "core",
      merge: false,
      resolveKnownTags: false,
      stringKeys: true,
      uniqueKeys: true,
      strict: true,
      prettyErrors: false,
      logLevel: "silent",
      lineCounter: lines,
    }) as readonly Document.Parsed[];
    return readDocument(documents, lines);
  } catch (error) {
    return unusable([problem("something that can be read", messageOf(error))]);
  }
}

function readDocument(documents: readonly Document.Parsed[], lines: LineCounter): ParsedFile {
  const [document, second] = documents;
  if (document?.contents == null)
    return unusable([problem("{ shared, defaults, policies }", "nothing")]);
  const wrong = [...document.errors, ...document.warnings].map(({ message, pos: [at] }) =>
    problem("valid YAML 1.2", message, lines.linePos(at).line),
  );
  if (second !== undefined)
    wrong.push(problem("one document", "two", lines.linePos(second.range[0]).line));
  wrong.push(...refusedNodes(document, lines));
  const lineOf = (path: readonly string[]): number => lineAt(document, path, lines);
  if (wrong.length > 0) return { value: undefined, issues: wrong, lineOf };
  return { value: document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown, issues: [], lineOf };
}

/** What has to be seen before a parser spends time on it. */
function refusedUnread(text: string): Issue | undefined {
  const directive = /^%.*/m.exec(text);
  if (directive !== null)
    return problem("no YAML directive", directive[0], lineIn(text, directive.index));
  const compact = NESTED_IN_A_LINE.exec(text);
  if (compact !== null) return tooDeep(lineIn(text, compact.index));
  let level = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "[" || character === "{") level++;
    else if ((character === "]" || character === "}") && level > 0) level--;
    if (level > MOST_LEVELS) return tooDeep(lineIn(text, at));
  }
  return undefined;
}

function tooDeep(line: number): Issue {
  return problem(`at most ${MOST_LEVELS} levels`, "more", line);
}

/** Tags, merge keys, dangerous names and what is nested too deep; an alias is not followed, as its anchor is seen. */
function refusedNodes(document: Document.Parsed, lines: LineCounter): Issue[] {
  const issues: Issue[] = [];
  const lineOf = (node: Node | null | undefined): number =>
    lines.linePos(node?.range?.[0] ?? 0).line;
  let aliases = 0;
  visit(document, {
    Node(_key, node, path) {
      if (path.length > 2 * MOST_LEVELS) {
        issues.push(tooDeep(lineOf(node)));
        return visit.BREAK;
      }
      if (isAlias(node) && ++aliases > MOST_ALIASES) {
        issues.push(problem(`at most ${MOST_ALIASES} aliases`, "more", lineOf(node)));
        return visit.BREAK;
      }
      const tag = isAlias(node) ? undefined : node.tag;
      if (tag !== undefined && !tag.startsWith("tag:yaml.org,2002:"))
        issues.push(problem("no tag", tag, lineOf(node)));
      return undefined;
    },
    Pair(_key, { key }) {
      const issue = refusedName(key, lineOf(key as Node));
      if (issue !== undefined) issues.push(issue);
    },
  });
  return issues;
}

function refusedName(key: unknown, line: number): Issue | undefined {
  const name = isScalar(key) ? String(key.value) : "";
  if (DANGEROUS.has(name))
    return { ...problem("another name", JSON.stringify(name), line), path: name };
  if (name !== "<<") return undefined;
  const hint = "YAML 1.2 has no merge keys: write extends: name";
  return { ...problem("another name", '"<<"', line), hint, path: name };
}

function lineAt(document: Document.Parsed, path: readonly string[], lines: LineCounter): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const name of path) {
    const around: unknown = isAlias(node) ? node.resolve(document) : node;
    const pair = pairNamed(around, name);
    const item = isSeq(around) ? (around.items[Number(name)] as Node | undefined) : undefined;
    const found = item ?? (pair?.key as Node | undefined);
    if (found === undefined) break;
    offset = found.range?.[0] ?? offset;
    node = item ?? pair?.value;
  }
  return lines.linePos(offset).line;
}

function pairNamed(node: unknown, name: string): Pair | undefined {
  if (!isMap(node)) return undefined;
  return node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
}

function unusable(issues: readonly Issue[]): ParsedFile {
  return { value: undefined, issues, lineOf: () => 1 };
}

function problem(expected: string, received: string, line = 1): Issue {
  const text = received.split("\n")[0] ?? "";
  return {
    path: "file",
    expected,
    received: text.length > 120 ? `${text.slice(0, 119)}…` : text,
    line,
  };
}

function lineIn(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
