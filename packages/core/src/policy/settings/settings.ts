import type { Part, PartKind } from "../../parts/part.js";
import { type Assembly, type Parts, RECOMMENDED } from "../assemble.js";

/** Who has said a value: `default` nobody, `tune` a retune or a tune of the running policy. */
export type Source = "default" | "code" | "class" | "file" | "tune" | "override";

interface Setting {
  readonly value: unknown;
  readonly source: Source;
}

export type Fields = Readonly<Record<string, Setting>>;

/** What is said of one kind of part. */
export interface Section {
  /** Who has said that there is one. */
  readonly source: Source;
  /** The part that somebody holds; without one, the policy has its own. */
  readonly part?: Part;
  readonly fields: Fields;
  /** These fields and no others; else those that are not given are as they are below. */
  readonly isWhole: boolean;
}

/**
 * All that has been said of a policy, and by whom: what its plan is made of. Layers of it are put over each other, the
 * upper one wins, field by field; `null` takes a kind away.
 */
export interface Settings {
  readonly parts: { readonly [K in PartKind]?: Section | null };
  readonly options: Fields;
}

/** Nobody has asked for it, and it is there. */
export const IMPLIED: Section = { source: "default", fields: {}, isWhole: false };

export function fieldsOf(given: object, source: Source): Fields {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, { value, source }]));
}

function partsIn(parts: Parts): [string, Part][] {
  return Object.entries({ ...parts }) as [string, Part][];
}

/** What code has declared. Without any part the recommended ones are meant. */
export function declaredBy({ parts, options, isBare, fromClass }: Assembly): Settings {
  const sections: Record<string, Section | null> = {};
  const sourceOf = (name: string): Source => (fromClass.has(name) ? "class" : "code");
  if (isBare) for (const kind of RECOMMENDED) sections[kind] = IMPLIED;
  for (const [kind, part] of partsIn(parts)) {
    const source = sourceOf(kind);
    sections[kind] = { source, part, fields: fieldsOf(part.given, source), isWhole: true };
  }
  const others: Record<string, Setting> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === null) sections[name] = null;
    else if (value !== undefined) others[name] = { value, source: sourceOf(name) };
  }
  return { parts: sections, options: others };
}

/** The upper one wins. */
export function over(lower: Settings, upper: Settings): Settings {
  const parts: Record<string, Section | null> = { ...lower.parts };
  for (const [kind, section] of Object.entries(upper.parts))
    parts[kind] = section === null ? null : sectionOver(lower.parts[kind as PartKind], section);
  return { parts, options: { ...lower.options, ...upper.options } };
}

function sectionOver(lower: Section | null | undefined, upper: Section): Section {
  if (lower === undefined || lower === null || upper.part !== undefined) return upper;
  const fields = upper.isWhole ? upper.fields : { ...lower.fields, ...upper.fields };
  const { source } = upper.isWhole ? upper : lower;
  return { ...lower, source, fields };
}

/** The same policy, with nothing said but this; the parts that somebody holds stay. */
export function insteadOf(lower: Settings, whole: Settings): Settings {
  const gone = Object.keys(lower.parts).filter((kind) => whole.parts[kind as PartKind] == null);
  const without = { ...lower, options: nameOnly(lower.options) };
  const removed = { parts: Object.fromEntries(gone.map((kind) => [kind, null])), options: {} };
  return over(over(without, removed), whole);
}

/** A policy keeps its name, and its functions of code: neither can be written into a file. */
function nameOnly({ name }: Fields): Fields {
  return name === undefined ? {} : { name };
}

export function plain(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value]));
}
