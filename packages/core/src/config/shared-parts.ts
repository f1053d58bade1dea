import type { StatefulPart } from "../parts/part.js";
import { type PartKind, statefulParts } from "../parts/part.js";
import { checkKind, KINDS } from "../policy/settings/kinds.js";
import { located, type ConfigSpec, type Located } from "./read-spec.js";

/** The parts that the file has made, by name and kind; they keep their state from one file to the next. */
const made = new Map<string, StatefulPart>();

type Options = Readonly<Record<string, unknown>>;

/** What the parts under `shared` are going to be. */
export interface SharedPlan {
  readonly pending: ReadonlyMap<StatefulPart, Options>;
  readonly issues: readonly Located[];
  /** The part that a name stands for. */
  partOf(name: string, kind: string): StatefulPart | undefined;
}

/**
 * A part that code has given the name and the kind of one under `shared` is that part: the file over code, field by
 * field. One that is no longer in the file is again what code has made it.
 */
export function planShared(
  { shared }: ConfigSpec,
  before: ReadonlyMap<string, unknown>,
): SharedPlan {
  const pending = new Map<StatefulPart, Options>();
  const issues: Located[] = [];
  const parts = new Map<string, StatefulPart>();
  for (const [key, options] of shared) {
    const [name, kind] = split(key);
    const ofCode = partsOfCode(name, kind);
    const wholes = ofCode.map((part) => [part, { ...part.original, ...options }] as const);
    const whole = wholes[0]?.[1] ?? { ...options, name };
    const { issues: wrong } = checkKind(kind, whole);
    issues.push(
      ...located(
        ["shared", name],
        wrong.map((issue) => under(name, issue)),
      ),
    );
    if (wrong.length > 0) continue;
    const part = wholes[0]?.[0] ?? makeOrGet(key, kind, whole);
    parts.set(key, part);
    for (const [each, given] of wholes.length > 0 ? wholes : [[part, whole] as const]) {
      pending.set(each, given);
      const against = each.problemsOfBecoming(given);
      issues.push(
        ...located(
          ["shared", name],
          against.map((issue) => under(name, issue)),
        ),
      );
    }
  }
  for (const key of before.keys())
    if (!shared.has(key))
      for (const part of partsOfCode(...split(key))) pending.set(part, { ...part.original });
  return { pending, issues, partOf: (name, kind) => parts.get(`${name}.${kind}`) };
}

/** A part that is made for a file that turns out wrong is not used by anybody. */
function makeOrGet(key: string, kind: PartKind, options: Options): StatefulPart {
  const part = made.get(key) ?? (KINDS[kind].make(options as never) as StatefulPart);
  made.set(key, part);
  return part;
}

function partsOfCode(name: string, kind: PartKind): StatefulPart[] {
  const ofFile = new Set(made.values());
  return [...statefulParts()].filter(
    (part) => part.ownName === name && part.kind === kind && !ofFile.has(part) && !part.isCopy,
  );
}

function split(key: string): [string, PartKind] {
  const dot = key.lastIndexOf(".");
  return [key.slice(0, dot), key.slice(dot + 1) as PartKind];
}

function under<I extends { readonly path: string }>(name: string, issue: I): I {
  return { ...issue, path: `shared.${name}.${issue.path}` };
}
