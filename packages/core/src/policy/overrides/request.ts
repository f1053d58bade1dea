import * as v from "valibot";
import { BreakwaterError, type Issue } from "../../errors/errors.js";
import type { OverrideVerb } from "../../events/catalog.js";
import {
  checkOptions,
  either,
  type Field,
  fieldOf,
  invalidSpec,
  isPlainObject,
  issueOf,
  type Parsed,
  type Schema,
  text,
} from "../../parts/options.js";
import type { Duration } from "../../time/duration.js";
import { checkSpec, type PolicyPatch } from "../settings/spec.js";
import { isUntil, UNTIL, UNTIL_IN_FILE, type Until, whenOf } from "./until.js";

/**
 * What an operator asks for. An override is a layer over what a policy is made of, never an edit of it: once it has
 * ended, the policy is what it was.
 */
export type OverrideRequest = BlockOrBypass | Tune | Reset | Clear;

interface Asked {
  /** The name of a policy, also of one that will be made later; `'*'`: all of them. */
  readonly policy: string;
  /** Who asks for it. */
  readonly by: string;
  /** Why: a ticket, a sentence. */
  readonly why: string;
}

interface Standing extends Asked {
  /**
   * When it ends: a `Date`, its ISO 8601 text with a time zone, or a duration from now, at most 366 days. `'cleared'`:
   * it stands until somebody clears it.
   */
  readonly until: Date | Duration | (string & {}) | "cleared";
}

/** `block`: every call is refused. `bypass`: every call goes through unprotected. */
interface BlockOrBypass extends Standing {
  readonly verb: "block" | "bypass";
  /** Only calls of this key. */
  readonly key?: string;
}

/** Other options for some parts, as `policy.tune` takes them. */
interface Tune extends Standing {
  readonly verb: "tune";
  readonly patch: PolicyPatch;
}

/** Acts once: circuits closed and empty (of a key: its own alone), budgets full. */
interface Reset extends Asked {
  readonly verb: "reset";
  readonly key?: string;
}

/** Acts once: takes off the overrides of this policy, or of this key of it; `'*'`: all that there are. */
interface Clear extends Asked {
  readonly verb: "clear";
  readonly key?: string;
}

const VERBS = ["block", "bypass", "tune", "reset", "clear"] as const;
const ACT_ONCE: ReadonlySet<unknown> = new Set(["reset", "clear"]);

const fields = {
  verb: either(fieldOf<OverrideVerb>(v.picklist(VERBS, `one of ${VERBS.join(", ")}`)), {
    type: "name",
    bounds: VERBS.join(", "),
    default: "required",
    meaning:
      "block: refuse every call; bypass: let every call through unprotected; tune: other options; reset: circuits closed, budgets full; clear: take overrides off",
  }),
  policy: text({ meaning: "the name of a policy, or '*' for all", default: "required" }),
  key: text({ meaning: "only calls of this key", default: "every key" }),
  by: text({ meaning: "who asks for it", default: "required" }),
  why: text({ meaning: "why: a ticket, a sentence", default: "required" }),
  until: until(UNTIL, false),
  patch: either(fieldOf<object>(v.custom<object>(isPlainObject, "an object of options by part")), {
    type: "object",
    bounds: "",
    default: "none",
    meaning: "for tune: what policy.tune takes",
  }),
} as const;

function until(expected: string, isFile: boolean): Field<Until | undefined> {
  const schema = v.custom<Until>((value) => isUntil(value, isFile), expected);
  return either(fieldOf(schema), {
    type: "time",
    bounds: "a Date, its ISO text with a time zone, a duration, or 'cleared'",
    default: "required",
    meaning: "when it ends; 'cleared': when somebody clears it",
  });
}

type ParsedRequest = Parsed<typeof fields>;

/** What is asked for, complete: of what acts once there is no `until`. */
export interface Request {
  readonly verb: OverrideVerb;
  readonly policy: string;
  readonly key: string | undefined;
  readonly by: string;
  readonly why: string;
  readonly until: Until | undefined;
  readonly patch: PolicyPatch | undefined;
}

/** Also read by the reference. */
export const overrideSchema: Schema<typeof fields> = schemaAt("override", false);

function schemaAt(title: string, isFile: boolean): Schema<typeof fields> {
  return {
    title,
    fields: isFile ? { ...fields, until: until(UNTIL_IN_FILE, true) } : fields,
    peerNames: {
      action: () => "verb",
      name: () => "policy",
      user: () => "by",
      reason: () => "why",
      expires: () => "until",
      expiresAt: () => "until",
      for: () => "until",
    },
    contradictions: (request) => contradictions(title, request, isFile),
  };
}

function contradictions(title: string, request: ParsedRequest, isFile: boolean): Issue[] {
  const { verb, policy, key, by, why, until: end, patch } = request;
  const issues: Issue[] = [];
  const missing = (name: string, expected: string): void =>
    void issues.push(issueOf(`${title}.${name}`, expected, undefined));
  if (verb === undefined) missing("verb", `one of ${VERBS.join(", ")}`);
  if (policy === undefined) missing("policy", "the name of a policy, or '*' for all");
  if (by === undefined) missing("by", "who asks for it");
  if (why === undefined) missing("why", "why: a ticket, a sentence");
  if (ACT_ONCE.has(verb) && end !== undefined)
    issues.push(issueOf(`${title}.until`, `nothing: ${verb} acts once`, end));
  if (!ACT_ONCE.has(verb) && end === undefined) missing("until", isFile ? UNTIL_IN_FILE : UNTIL);
  if (!isFile && isUntil(end, false) && whenOf(end as Until).leftMs <= 0)
    issues.push(issueOf(`${title}.until`, "a time to come", end));
  if (verb === "tune" && isPlainObject(patch)) issues.push(...checkSpec(`${title}.patch`, patch));
  if (verb === "tune" && patch === undefined) missing("patch", "an object of options by part");
  if (verb !== "tune" && patch !== undefined)
    issues.push(issueOf(`${title}.patch`, "nothing: only tune has a patch", patch));
  if (verb === "tune" && key !== undefined)
    issues.push(issueOf(`${title}.key`, "nothing: a policy has one set of options for all", key));
  if (verb === "tune" && policy === "*")
    issues.push(
      issueOf(`${title}.policy`, "the name of one policy, as others have other parts", policy),
    );
  if (isFile && verb === "clear")
    issues.push(
      issueOf(
        `${title}.verb`,
        "block, bypass, tune or reset",
        verb,
        "Take the entry out of the file",
      ),
    );
  return issues;
}

/** @throws BreakwaterError `ERR_INVALID_SPEC` with every problem. */
export function parseRequest(given: unknown): Request {
  const { options, issues } = checkOptions(overrideSchema, given);
  if (options === undefined) throw invalidSpec(issues);
  return options as Request;
}

/** More are refused: whoever needs so many has another problem. */
const MOST_REQUESTS = 1_000;

/** A list out of a file, with everything that is wrong with it; `path` is where it stands. */
export function checkRequests(
  given: unknown,
  path: string,
): { readonly requests: readonly Request[]; readonly issues: readonly Issue[] } {
  if (!Array.isArray(given) || given.length > MOST_REQUESTS)
    return {
      requests: [],
      issues: [issueOf(path, `a list of at most ${MOST_REQUESTS} overrides`, given)],
    };
  const checked = given.map((each, n) => checkOptions(schemaAt(`${path}[${n}]`, true), each));
  return {
    requests: checked.flatMap(({ options }) => (options === undefined ? [] : [options as Request])),
    issues: checked.flatMap(({ issues }) => issues),
  };
}

/** The way to where a problem is: `overrides[3].until` is 3rd in the list of overrides. */
export function keysOf({ path }: Issue): readonly string[] {
  return path.split(/\]?[.[\]]/).filter((name) => name !== "");
}

/** The error of an operator who may not do that. */
export function notAllowed({ by, verb, policy }: Request, cause: unknown): BreakwaterError {
  const what = `${verb} ${policy === "*" ? "every policy" : policy}`;
  const message = `${by} is not allowed to ${what}: registry.authorize said no. Nothing has changed.`;
  return new BreakwaterError("ERR_OVERRIDE_REFUSED", message, { policy, cause });
}
