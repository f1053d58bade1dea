import { isDeepStrictEqual } from "node:util";
import type { Issue } from "../../errors/errors.js";
import { checkOptions, issueOf } from "../../parts/options.js";
import {
  type Part,
  type PartKind,
  PART_KINDS,
  type PartUser,
  StatefulPart,
} from "../../parts/part.js";
import type { Parts } from "../assemble.js";
import { type ParsedPolicyOptions, policySchema } from "../policy-options.js";
import { checkKind, KINDS } from "./kinds.js";
import { IMPLIED, plain, type Section, type Settings, type Source } from "./settings.js";

export type { Source };

/** Options that parts are about to get, all at once, beside those of the policy that is being prepared. */
export type Pending = ReadonlyMap<Part, object>;

/** The value of each option, with its source; and of each kind whether it is there. */
export interface Value {
  readonly path: string;
  readonly value: unknown;
  readonly source: Source;
}

/** What a policy is going to be. Nothing has been changed for it. */
export interface Prepared {
  readonly settings: Settings;
  readonly options: ParsedPolicyOptions;
  readonly values: readonly Value[];
  readonly issues: readonly Issue[];
  /** Changes the parts that are to be changed, and makes those that there are not. */
  readonly build: () => Built;
}

interface Built {
  readonly parts: Parts;
  /** Those that nobody but the policy holds. */
  readonly own: Parts;
}

type Values = Readonly<Record<string, unknown>>;

interface Planned {
  readonly kind: PartKind;
  readonly section: Section;
  readonly given: Values;
  readonly values: Values | undefined;
  /** The part that there is. */
  readonly base: Part | undefined;
  readonly changes: boolean;
  readonly issues: readonly Issue[];
}

/**
 * Finds everything that is wrong with what has been said of a policy, before anything is changed. `own` are the parts
 * that it has made for itself: they keep their state.
 */
export function prepare(
  settings: Settings,
  own: Parts,
  user: PartUser,
  pending: Pending = new Map(),
): Prepared {
  const complete = completed(settings);
  const planned = PART_KINDS.flatMap((kind) => {
    const section = complete.parts[kind];
    return section == null ? [] : [plan(kind, section, own[kind], user, pending)];
  });
  const { options, issues } = checkOptions(policySchema, plain(complete.options));
  return {
    settings,
    options: options as ParsedPolicyOptions,
    values: [...planned.flatMap(valuesOf), ...optionValues(complete)],
    issues: [...planned.flatMap((part) => part.issues), ...issues, ...tooShort(planned)],
    build: () => build(planned, own),
  };
}

/**
 * What has been said implies more. A budget without a retry means the default retries; retries without a budget get one
 * of their own, as nothing here repeats without a bound.
 */
function completed(settings: Settings): Settings {
  const parts: Record<string, Section | null | undefined> = { ...settings.parts };
  if (parts["budget"] != null && parts["retry"] === undefined) parts["retry"] = IMPLIED;
  const { retry } = parts;
  const repeats = retry != null && retry.fields["maxAttempts"]?.value !== 1;
  if (repeats && parts["budget"] === undefined) parts["budget"] = IMPLIED;
  return { ...settings, parts };
}

function plan(
  kind: PartKind,
  section: Section,
  own: Part | undefined,
  user: PartUser,
  pending: Pending,
): Planned {
  const given = plain(section.fields);
  const { values, issues } = checkKind(kind, given);
  const base = section.part ?? own;
  const before = base && checkKind(kind, { ...(pending.get(base) ?? base.given) }).values;
  const changes = values !== undefined && !isDeepStrictEqual(values, before);
  const against = changes && base instanceof StatefulPart ? objections(base, given, user) : [];
  return { kind, section, given, values, base, changes, issues: [...issues, ...against] };
}

/** A part with a state is changed where it is, for all that use it: so nobody else may. */
function objections(part: StatefulPart, given: Values, user: PartUser): readonly Issue[] {
  const others = new Set(part.users.filter((other) => other !== user).map(({ name }) => name));
  const problems = part.problemsOfBecoming(given);
  if (others.size === 0) return problems;
  const hint = `It is shared with ${[...others].join(", ")}: retune the part itself, or name it in the file under shared`;
  return [...problems, issueOf(part.kind, `no change of a part that others use`, given, hint)];
}

function tooShort(planned: readonly Planned[]): readonly Issue[] {
  const valueOf = (kind: PartKind, name: string): unknown =>
    planned.find((part) => part.kind === kind)?.values?.[name];
  const attempt = valueOf("timeout", "attemptTimeoutMs");
  const whole = valueOf("deadline", "deadlineMs");
  if (typeof attempt !== "number" || typeof whole !== "number" || attempt < whole) return [];
  return [issueOf("timeout.attemptTimeoutMs", `less than deadlineMs (${whole})`, attempt)];
}

function build(planned: readonly Planned[], own: Parts): Built {
  const parts: Record<string, Part> = {};
  const kept: Record<string, Part> = { ...own };
  for (const { kind, section, given, base, changes } of planned) {
    const part = changes || base === undefined ? changed(kind, base, given) : base;
    parts[kind] = part;
    if (section.part === undefined) kept[kind] = part;
  }
  return { parts, own: kept };
}

function changed(kind: PartKind, base: Part | undefined, given: Values): Part {
  if (!(base instanceof StatefulPart)) return KINDS[kind].make(given as never);
  base.become(given);
  return base;
}

function valuesOf({ kind, section, values, given }: Planned): Value[] {
  return Object.entries(values ?? given).map(([name, value]) => ({
    path: `${kind}.${name}`,
    value,
    source: section.fields[name]?.source ?? "default",
  }));
}

function optionValues({ options }: Settings): Value[] {
  return Object.entries(options)
    .filter(([name]) => name !== "name")
    .map(([path, { value, source }]) => ({ path, value, source }));
}
