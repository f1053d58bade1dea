import type { Issue } from "../errors/errors.js";
import { isPlainObject, issueOf } from "../parts/options.js";
import { nearest } from "../policy/names.js";
import { checkRequests, keysOf, type Request } from "../policy/overrides/request.js";
import { SHAREABLE } from "../policy/settings/kinds.js";
import { checkSection, checkSpec, isKind } from "../policy/settings/spec.js";

type Plain = Readonly<Record<string, unknown>>;

/** One policy as the file has it, its options already checked one by one. */
export interface FiledPolicy {
  /** What it says itself. */
  readonly own: Plain;
  /** What the policy says that it extends. */
  readonly base: Plain;
  readonly extends: string | undefined;
}

/** A config file whose values are right one by one. */
export interface ConfigSpec {
  /** By name and kind. */
  readonly shared: ReadonlyMap<string, Plain>;
  readonly defaults: Plain;
  readonly policies: ReadonlyMap<string, FiledPolicy>;
  readonly overrides: readonly Request[];
}

/** Where a problem is: what it is of, and the way to it. */
export interface Located extends Issue {
  readonly keys: readonly string[];
}

interface Read {
  readonly spec: ConfigSpec;
  readonly issues: readonly Located[];
}

const SECTIONS = ["shared", "defaults", "policies", "overrides"];
const LONGEST_NAME = 256;

/** Finds everything that is wrong with single values, names and references. */
export function readSpec(value: unknown): Read {
  const issues: Located[] = [];
  const whole = objectAt([], value, issues);
  for (const name of Object.keys(whole))
    if (![...SECTIONS, "$schema"].includes(name))
      issues.push(unknownName([name], SECTIONS, whole[name]));
  const shared = readShared(objectAt(["shared"], whole["shared"] ?? {}, issues), issues);
  const defaults = objectAt(["defaults"], whole["defaults"] ?? {}, issues);
  issues.push(...checkOwn(["defaults"], defaults, shared));
  const given = objectAt(["policies"], whole["policies"] ?? {}, issues);
  const overrides = checkRequests(whole["overrides"] ?? [], "overrides");
  issues.push(...overrides.issues.map((issue) => ({ ...issue, keys: keysOf(issue) })));
  const policies = readPolicies(given, shared, issues);
  return { spec: { shared, defaults, policies, overrides: overrides.requests }, issues };
}

function readShared(given: Plain, issues: Located[]): ReadonlyMap<string, Plain> {
  const shared = new Map<string, Plain>();
  for (const [name, parts] of Object.entries(given)) {
    issues.push(...checkName(["shared", name]));
    for (const [kind, options] of Object.entries(objectAt(["shared", name], parts, issues))) {
      const keys = ["shared", name, kind];
      if (!isKind(kind) || !SHAREABLE.includes(kind)) {
        issues.push(unknownName(keys, SHAREABLE, options));
        continue;
      }
      issues.push(...located(["shared", name], checkSection(`shared.${name}`, kind, options)));
      if (isPlainObject(options)) shared.set(`${name}.${kind}`, options);
    }
  }
  return shared;
}

function readPolicies(
  given: Plain,
  shared: ReadonlyMap<string, Plain>,
  issues: Located[],
): ReadonlyMap<string, FiledPolicy> {
  const policies = new Map<string, FiledPolicy>();
  for (const [name, value] of Object.entries(given)) {
    const keys = ["policies", name];
    issues.push(...checkName(keys));
    const { extends: base, ...own } = objectAt(keys, value ?? {}, issues);
    issues.push(...checkOwn(keys, own, shared));
    issues.push(...checkExtends(keys, base, given));
    const { extends: _, ...inherited } = baseIn(given, base);
    const known = typeof base === "string" ? base : undefined;
    policies.set(name, { own, base: inherited, extends: known });
  }
  return policies;
}

function baseIn(given: Plain, name: unknown): Plain {
  const base = typeof name === "string" && Object.hasOwn(given, name) ? given[name] : {};
  return isPlainObject(base) ? base : {};
}

function checkExtends(keys: readonly string[], base: unknown, given: Plain): Located[] {
  const at = [...keys, "extends"];
  if (base === undefined) return [];
  const names = Object.keys(given).filter((name) => name !== keys[1]);
  if (typeof base !== "string" || !names.includes(base)) {
    const meant = typeof base === "string" ? nearest(base, names) : undefined;
    const hint = meant === undefined ? undefined : `Did you mean ${meant}?`;
    return [locatedIssue(at, "the name of another policy of this file", base, hint)];
  }
  if (baseIn(given, base)["extends"] === undefined) return [];
  return [locatedIssue(at, "a policy that extends none: one level", base)];
}

/** A name of shared parts may stand for the options of a part. */
function checkOwn(
  keys: readonly string[],
  spec: Plain,
  shared: ReadonlyMap<string, Plain>,
): Located[] {
  const references = Object.entries(spec).filter(([name, value]) => isReference(name, value));
  const others = Object.entries(spec).filter(([name, value]) => !isReference(name, value));
  const missing = references.filter(([kind, name]) => !shared.has(`${String(name)}.${kind}`));
  return [
    ...missing.map(([kind, name]) => missingShared([...keys, kind], kind, name, shared)),
    ...located(keys, checkSpec(keys.join("."), Object.fromEntries(others))),
  ];
}

export function isReference(kind: string, value: unknown): value is string {
  return typeof value === "string" && (SHAREABLE as readonly string[]).includes(kind);
}

function missingShared(
  keys: readonly string[],
  kind: string,
  name: unknown,
  shared: ReadonlyMap<string, Plain>,
): Located {
  const names = [...shared.keys()]
    .filter((key) => key.endsWith(`.${kind}`))
    .map((key) => key.slice(0, -kind.length - 1));
  const there = names.length === 0 ? "none has one" : names.join(", ");
  return locatedIssue(keys, `options, or a name under shared with a ${kind}: ${there}`, name);
}

function checkName(keys: readonly string[]): Located[] {
  const name = keys.at(-1) ?? "";
  if (name !== "" && name.length <= LONGEST_NAME) return [];
  return [locatedIssue(keys, `a name of 1 to ${LONGEST_NAME} characters`, name)];
}

function objectAt(keys: readonly string[], value: unknown, issues: Located[]): Plain {
  if (isPlainObject(value)) return value;
  issues.push(locatedIssue(keys, "names with what belongs to them", value));
  return {};
}

function unknownName(keys: readonly string[], known: readonly string[], value: unknown): Located {
  const meant = nearest(keys.at(-1) ?? "", known);
  const hint = meant === undefined ? undefined : `Did you mean ${meant}?`;
  return locatedIssue(keys, `one of ${known.join(", ")}`, value, hint);
}

function locatedIssue(
  keys: readonly string[],
  expected: string,
  received: unknown,
  hint?: string,
): Located {
  return { ...issueOf(keys.join(".") || "file", expected, received, hint), keys };
}

/** Paths of issues begin with where the object is; names may have dots themselves. */
export function located(keys: readonly string[], issues: readonly Issue[]): Located[] {
  const at = keys.join(".");
  return issues.map((issue) => {
    const rest = issue.path.startsWith(`${at}.`) ? issue.path.slice(at.length + 1) : "";
    return { ...issue, keys: [...keys, ...(rest === "" ? [] : rest.split("."))] };
  });
}
