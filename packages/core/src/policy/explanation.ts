import { Readable } from "../errors/readable.js";
import { formatDuration } from "../time/duration.js";
import type { Counters } from "../engine/counters.js";
import { StatefulPart } from "../parts/part.js";
import { PART_KINDS, type PartKind } from "../parts/part.js";
import type { Parts } from "./assemble.js";
import { type Mode, modeVariable } from "./mode.js";
import type { Override } from "./overrides/override.js";
import { shown } from "../parts/changes.js";
import type { Source, Value } from "./settings/prepare.js";
import type { ParsedPolicyOptions } from "./policy-options.js";

/** One line of an explanation. */
export interface ExplainedPart {
  readonly kind: PartKind;
  /** The guard's name, where it has a state that others may share. */
  readonly name?: string;
  /** What it does; or what it means that there is none. */
  readonly text: string;
  readonly present: boolean;
}

const MODES: { readonly [M in Mode]: string | undefined } = {
  enforce: undefined,
  shadow: "shadow: every call goes through, and what would have been done is counted",
  off: "off: every call goes through unprotected",
};

/** One option of a policy, and who has said it. */
export interface ExplainedValue {
  /** `breaker.openMs` */
  readonly path: string;
  /** Durations are milliseconds. Undefined where nothing is said, and nothing is assumed. */
  readonly value?: unknown;
  /** `default` nobody, `tune` a retune or tune of the running policy. */
  readonly source: Source;
}

const ABSENT: { readonly [K in PartKind]: string } = {
  fallback: "none: the caller gets the error",
  deadLetter: "none: who gives up on a call is its caller",
  deadline: "none: a call takes as long as its attempts do",
  retry: "none: 1 attempt",
  budget: "none",
  breaker: "none: a failing dependency is called all the same",
  rateLimit: "none: attempts begin as calls come",
  bulkhead: "none: any number of attempts at once",
  timeout: "none: an attempt may take for ever",
  classify: "default rules; an error that no rule knows is transient",
};

/** What a policy does, in the order in which it does it. Prints as a text; `JSON.stringify` gives the data. */
export class Explanation extends Readable {
  readonly policy: string;
  /** Outermost first. */
  readonly parts: readonly ExplainedPart[];
  readonly mode: Mode;
  readonly canary?: NonNullable<ParsedPolicyOptions["canary"]>;
  /** The variable of the environment that says so, and not the code. */
  readonly modeFrom?: string;
  /** What operators have laid over it, in order of precedence. */
  readonly overrides: readonly Override[];
  readonly idempotent: "not declared" | "yes" | "no" | "depends on the arguments";
  readonly dependency?: string;
  readonly owner?: string;
  readonly runbook?: string;
  /** Each option of each part that there is, and the policy's own, with who has said it. Prints as a table. */
  readonly values: ExplainedValues;
  /** What deserves a thought. */
  readonly notes: readonly string[];

  constructor(
    policy: string,
    mode: Mode,
    parts: Parts,
    options: ParsedPolicyOptions,
    counters: Counters,
    overrides: readonly Override[],
    values: readonly Value[],
  ) {
    super();
    this.policy = policy;
    this.mode = mode;
    const variable = modeVariable(policy);
    if (variable !== undefined) this.modeFrom = variable;
    this.overrides = overrides;
    this.parts = PART_KINDS.map((kind) => explained(kind, parts));
    this.idempotent = idempotencyOf(options);
    if (options.canary !== undefined) this.canary = options.canary;
    if (options.dependency !== undefined) this.dependency = options.dependency;
    if (options.owner !== undefined) this.owner = options.owner;
    if (options.runbook !== undefined) this.runbook = options.runbook;
    this.values = new ExplainedValues(values);
    this.notes = notesOn(parts, options, counters);
  }

  toString(): string {
    const { dependency, owner, runbook } = this;
    const mode = modeText(this.mode, this.modeFrom);
    const canary = this.canary && canaryText(this.canary, this.mode);
    const about = Object.entries({ mode, canary, dependency, owner, runbook }).filter(
      ([, value]) => value !== undefined,
    );
    const rows = [
      ...this.overrides.map((override) => ["override", override.saying] as const),
      ...about.map(([name, value]) => [name, value as string] as const),
      ...this.parts.filter(isWorthALine).map(({ kind, text }) => [kind, text] as const),
      ["idempotent", this.idempotent] as const,
    ];
    const lines = rows.flatMap(([name, value]) => [
      `  ${name.padEnd(12)}${value}`,
      ...this.#saidElsewhere(name),
    ]);
    return [this.policy, ...lines, ...this.notes.map((note) => `  note: ${note}`)].join("\n");
  }

  /** Code is where everybody looks first: only what it does not say needs a line. */
  #saidElsewhere(name: string): string[] {
    const said = this.values.filter(
      ({ path, source }) =>
        source !== "default" && source !== "code" && (path === name || path.startsWith(`${name}.`)),
    );
    if (said.length === 0) return [];
    const texts = said.map(
      ({ path, value, source }) =>
        `${path.split(".").at(-1) ?? path} ${textOf(path, value)} (${source})`,
    );
    return [`  ${"".padEnd(12)}^ ${texts.join(", ")}`];
  }
}

/** A list that prints as a table. */
export class ExplainedValues extends Array<ExplainedValue> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  constructor(values: readonly Value[]) {
    super();
    for (const { path, value, source } of values) {
      const plain = shown(value);
      this.push(plain === undefined ? { path, source } : { path, value: plain, source });
    }
  }

  override toString(): string {
    const width = Math.max(0, ...this.map(({ path }) => path.length)) + 2;
    return this.map(
      ({ path, value, source }) => `${path.padEnd(width)}${textOf(path, value)}  (${source})`,
    ).join("\n");
  }
}

/** As people write it. */
function textOf(path: string, value: unknown): string {
  if (typeof value === "number" && path.endsWith("Ms")) return formatDuration(value);
  if (typeof value === "string" || value === undefined) return value ?? "none";
  return JSON.stringify(value);
}

function canaryText({ ratio, by }: NonNullable<Explanation["canary"]>, mode: Mode): string {
  // By key there are always calls that are protected: whatever else it says is the mode of all of them.
  if (by === "key" && mode !== "enforce") return `none, as the mode holds for all calls`;
  if (by === "key") return `a share of ${ratio} of the keys is protected, the others are in shadow`;
  const here = mode === "enforce" ? "this one is" : "this one is not";
  return `a share of ${ratio} of the processes is protected: ${here}`;
}

function modeText(mode: Mode, from: string | undefined): string | undefined {
  const text = MODES[mode];
  return from === undefined ? text : `${text ?? mode} (${from})`;
}

/** That there is no fallback, no sink and no rate limit is nothing that anybody would wonder about. */
function isWorthALine({ kind, present }: ExplainedPart): boolean {
  return present || (kind !== "fallback" && kind !== "deadLetter" && kind !== "rateLimit");
}

function explained(kind: PartKind, parts: Parts): ExplainedPart {
  const part = parts[kind];
  if (part === undefined) return { kind, text: ABSENT[kind], present: false };
  const text = part.describe();
  return part instanceof StatefulPart
    ? { kind, name: part.name, text, present: true }
    : { kind, text, present: true };
}

function idempotencyOf({ idempotent }: ParsedPolicyOptions): Explanation["idempotent"] {
  if (idempotent === undefined) return "not declared";
  if (typeof idempotent === "function") return "depends on the arguments";
  return idempotent ? "yes" : "no";
}

function notesOn(
  { retry, timeout }: Parts,
  { idempotent }: ParsedPolicyOptions,
  { attempts, signalWasRead }: Counters,
): string[] {
  const notes: string[] = [];
  const repeats = (retry?.rules.maxAttempts ?? 1) > 1;
  if (repeats && idempotent === undefined)
    notes.push(
      "calls are repeated although idempotent is not declared; set it to false for writes",
    );
  if (repeats && timeout !== undefined && !signalWasRead && hasRun(attempts))
    notes.push(
      "no task has read its signal: an attempt that timed out may still run beside its retry",
    );
  return notes;
}

function hasRun(attempts: Counters["attempts"]): boolean {
  return Object.values(attempts).some((count) => count > 0);
}
