import * as v from "valibot";
import { BreakwaterError, type Issue } from "../errors/errors.js";
import { formatDuration, LONGEST_TIMER_MS, parseDuration } from "../time/duration.js";

/**
 * A field of a part: a valibot schema that tells its bounds, its default and what it is for. Its type says only what
 * comes out, so that nothing of valibot shows in what we publish.
 */
export interface Field<Out = unknown> {
  readonly kind: "schema";
  readonly out?: Out;
}
export type Fields = Readonly<Record<string, Field>>;
export type Parsed<F extends Fields> = {
  [N in keyof F]: F[N] extends Field<infer Out> ? Out : never;
};

/** What the schema says of one field, for the reference and for tests. */
export interface FieldDoc {
  readonly type: string;
  readonly bounds: string;
  readonly default: string;
  readonly meaning: string;
}

interface Described {
  readonly meaning: string;
  /** How the default reads when it is not a plain value. */
  readonly default?: string;
}

function documented<Out>(schema: v.GenericSchema, doc: FieldDoc): Field<Out> {
  return v.pipe(schema, v.metadata({ doc }));
}

/** A schema of valibot's as a field. @internal */
export function fieldOf<Out>(schema: v.GenericSchema<unknown, Out>): Field<Out> {
  return schema;
}

/** A field as the schema that it is. @internal */
export function schemaOf<Out>(field: Field<Out>): v.GenericSchema<unknown, Out> {
  // `Field` keeps valibot out of our public types; all of them are made by `documented` or `fieldOf`.
  return field as unknown as v.GenericSchema<unknown, Out>;
}

/** Reads what `documented` has written. */
export function docOf(field: Field): FieldDoc {
  return (v.getMetadata(schemaOf(field)) as { readonly doc: FieldDoc }).doc;
}

export function integer<D extends number | undefined>(
  min: number,
  max: number,
  byDefault: D,
  described: Described,
): Field<number | D> {
  const expected = `a whole number from ${min} to ${max}`;
  const schema = v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(min, expected),
    v.maxValue(max, expected),
  );
  return documented(
    v.optional(schema, byDefault),
    docFor("integer", `${min} to ${max}`, byDefault, described),
  );
}

/** A number over `min` that need not be whole. */
export function decimal(min: number, max: number, described: Described): Field<number | undefined> {
  const expected = `a number over ${min}, at most ${max}`;
  const schema = v.pipe(v.number(expected), v.gtValue(min, expected), v.maxValue(max, expected));
  return documented(
    v.optional(schema),
    docFor("number", `over ${min}, to ${max}`, undefined, described),
  );
}

/** Some of the given words; all that are meant where there is no other list. */
export function someOf<const T extends string>(
  values: readonly T[],
  byDefault: readonly T[],
  described: Described,
): Field<readonly T[]> {
  const expected = `a list of some of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  const schema = v.array(v.picklist(values, expected), expected);
  return documented(
    v.optional(schema, [...byDefault]),
    docFor("names", values.join(", "), byDefault.join(", "), described),
  );
}

export function ratio<D extends number | undefined>(
  lowest: "from 0" | "above 0",
  byDefault: D,
  described: Described,
): Field<number | D> {
  const expected = `a ratio ${lowest} to 1 (not a percentage)`;
  const low = lowest === "from 0" ? 0 : Number.MIN_VALUE;
  const schema = v.pipe(v.number(expected), v.minValue(low, expected), v.maxValue(1, expected));
  return documented(
    v.optional(schema, byDefault),
    docFor("ratio", `${lowest} to 1`, byDefault, described),
  );
}

/** A duration; milliseconds after parsing. */
export function duration<D extends number | undefined>(
  min: number,
  max: number,
  byDefault: D,
  described: Described,
): Field<number | D> {
  const bounds = `${formatDuration(min)} to ${max === LONGEST_TIMER_MS ? "24.8 days" : formatDuration(max)}`;
  const expected = `a duration from ${bounds}: milliseconds, or a text such as '2s'`;
  const written = v.pipe(
    v.string(),
    v.transform((value) => parseDuration(value) ?? Number.NaN),
  );
  const schema = v.pipe(
    v.union([v.number(), written], expected),
    v.integer(expected),
    v.minValue(min, expected),
    v.maxValue(max, expected),
  );
  return documented(
    v.optional(schema, byDefault),
    docFor("duration", bounds, byDefault, described),
  );
}

export function oneOf<const T extends string>(
  values: readonly T[],
  byDefault: T,
  described: Described,
): Field<T> {
  const expected = `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  return documented(
    v.optional(v.picklist(values, expected), byDefault),
    docFor("name", values.join(", "), byDefault, described),
  );
}

export function flag<D extends boolean | undefined>(
  byDefault: D,
  described: Described,
): Field<boolean | D> {
  return documented(
    v.optional(v.boolean("true or false"), byDefault),
    docFor("flag", "", byDefault, described),
  );
}

export function text(described: Described): Field<string | undefined> {
  const expected = "a text of 1 to 256 characters";
  const schema = v.pipe(v.string(expected), v.minLength(1, expected), v.maxLength(256, expected));
  return documented(
    v.optional(schema),
    docFor("text", "1 to 256 characters", undefined, described),
  );
}

// oxlint-disable-next-line typescript/no-explicit-any -- any function will do; its caller knows its type
export function fn<F extends (...args: any[]) => any>(described: Described): Field<F | undefined> {
  const schema = v.custom<F>((value) => typeof value === "function", "a function");
  return documented(v.optional(schema), docFor("function", "", undefined, described));
}

export function either<Out>(schema: Field<Out>, doc: FieldDoc): Field<Out | undefined> {
  return documented(v.optional(schemaOf(schema)), doc);
}

function docFor(type: string, bounds: string, byDefault: unknown, described: Described): FieldDoc {
  const standard = byDefault === undefined ? "none" : formatDefault(type, byDefault);
  return { type, bounds, default: described.default ?? standard, meaning: described.meaning };
}

function formatDefault(type: string, value: unknown): string {
  return type === "duration" ? formatDuration(value as number) : String(value);
}

/** What somebody who knows another library would write, and what it is called here. */
export type PeerNames = Readonly<Record<string, (value: unknown) => string>>;

export interface Schema<F extends Fields> {
  /** The word under which the user knows it: `circuitBreaker`. */
  readonly title: string;
  readonly fields: F;
  readonly peerNames: PeerNames;
  /** Fields that are fine alone and cannot be true together. */
  readonly contradictions?: (options: Parsed<F>) => readonly Issue[];
}

/** Options as given, completed and frozen; or one error with all problems. */
export function parseOptions<F extends Fields>(
  schema: Schema<F>,
  given: unknown,
): Readonly<Parsed<F>> {
  const { options, issues } = checkOptions(schema, given);
  if (issues.length > 0) throw invalidSpec(issues);
  return options as Readonly<Parsed<F>>;
}

/** What stands for a field that was wrong: whoever looks for contradictions finds that no comparison with it holds. */
const WRONG = Number.NaN;

/** The same without throwing, for whoever has more to check. */
export function checkOptions<F extends Fields>(
  { title, fields, peerNames, contradictions }: Schema<F>,
  given: unknown,
): { readonly options: Readonly<Parsed<F>> | undefined; readonly issues: readonly Issue[] } {
  if (!isPlainObject(given))
    return { options: undefined, issues: [issueOf(title, "an object with options", given)] };
  const issues = Object.keys(given)
    .filter((name) => !Object.hasOwn(fields, name))
    .map((name) => unknownOption(title, fields, peerNames, name, ownOf(given, name)));
  const parsed: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const result = v.safeParse(schemaOf(field), ownOf(given, name), { abortEarly: true });
    parsed[name] = result.success ? result.output : WRONG;
    if (!result.success)
      issues.push(wrongField(`${title}.${name}`, ownOf(given, name), result.issues[0]));
  }
  const wrong = new Set(issues.map(({ path }) => path));
  const contradicting = contradictions?.(parsed as Parsed<F>) ?? [];
  issues.push(...contradicting.filter(({ path }) => !wrong.has(path)));
  return { options: issues.length === 0 ? Object.freeze(parsed as Parsed<F>) : undefined, issues };
}

/** Of an option with options of its own, the one that is wrong. */
function wrongField(path: string, given: unknown, issue: v.BaseIssue<unknown>): Issue {
  const inside = v.getDotPath(issue);
  return inside === null
    ? issueOf(path, issue.message, given)
    : issueOf(`${path}.${inside}`, issue.message, issue.input);
}

/** Not what somebody has put on all objects. */
function ownOf(given: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(given, name) ? given[name] : undefined;
}

/**
 * For adapters, too: whether it is an object written as `{ … }`, of this realm or another one, and no instance of a class.
 *
 * @example
 * const options = given.find(isPlainObject) ?? {};
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === null ||
    prototype === Object.prototype ||
    Object.getPrototypeOf(prototype) === null
  );
}

export function issueOf(path: string, expected: string, received: unknown, hint?: string): Issue {
  return { path, expected, received: show(received), ...(hint === undefined ? {} : { hint }) };
}

/** One error for all problems of a spec. */
export function invalidSpec(issues: readonly Issue[], what = "Invalid options"): BreakwaterError {
  const lines = issues.map(({ path, expected, received, hint, line }) => {
    const advice = hint === undefined ? "" : `. ${hint}`;
    const where = line === undefined ? path : `line ${line}, ${path}`;
    return `  ${where}: expected ${expected}, received ${received}${advice}`;
  });
  const problems = issues.length === 1 ? "1 problem" : `${issues.length} problems`;
  return new BreakwaterError("ERR_INVALID_SPEC", `${what}, ${problems}:\n${lines.join("\n")}`, {
    issues,
  });
}

function unknownOption(
  title: string,
  fields: Fields,
  peerNames: PeerNames,
  name: string,
  value: unknown,
): Issue {
  const ours = Object.hasOwn(peerNames, name) ? peerNames[name]?.(value) : undefined;
  const hint = ours === undefined ? undefined : `Here that is ${ours}`;
  return issueOf(`${title}.${name}`, `one of ${Object.keys(fields).join(", ")}`, value, hint);
}

function show(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
  if (typeof value === "function")
    return value.name === "" ? "a function" : `the function ${value.name}`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return String(value);
  try {
    const json = JSON.stringify(value) as string | undefined;
    return json === undefined ? "an object" : json.length > 60 ? `${json.slice(0, 59)}…` : json;
  } catch {
    return "an object";
  }
}
