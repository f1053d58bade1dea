import { Readable } from "../errors/readable.js";
import type { Counters } from "../engine/counters.js";
import { StatefulPart } from "../parts/part.js";
import { PART_KINDS, type PartKind } from "../parts/part.js";
import type { Parts } from "./assemble.js";
import type { Mode } from "./mode.js";
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
  readonly idempotent: "not declared" | "yes" | "no" | "depends on the arguments";
  readonly dependency?: string;
  readonly owner?: string;
  readonly runbook?: string;
  /** What deserves a thought. */
  readonly notes: readonly string[];

  constructor(
    policy: string,
    mode: Mode,
    parts: Parts,
    options: ParsedPolicyOptions,
    counters: Counters,
  ) {
    super();
    this.policy = policy;
    this.mode = mode;
    this.parts = PART_KINDS.map((kind) => explained(kind, parts));
    this.idempotent = idempotencyOf(options);
    if (options.canary !== undefined) this.canary = options.canary;
    if (options.dependency !== undefined) this.dependency = options.dependency;
    if (options.owner !== undefined) this.owner = options.owner;
    if (options.runbook !== undefined) this.runbook = options.runbook;
    this.notes = notesOn(parts, options, counters);
  }

  toString(): string {
    const { dependency, owner, runbook } = this;
    const mode = MODES[this.mode];
    const canary = this.canary && canaryText(this.canary, this.mode);
    const about = Object.entries({ mode, canary, dependency, owner, runbook }).filter(
      ([, value]) => value !== undefined,
    );
    const rows = [
      ...about.map(([name, value]) => [name, value as string] as const),
      ...this.parts.filter(isWorthALine).map(({ kind, text }) => [kind, text] as const),
      ["idempotent", this.idempotent] as const,
    ];
    const lines = rows.map(([name, value]) => `  ${name.padEnd(12)}${value}`);
    return [this.policy, ...lines, ...this.notes.map((note) => `  note: ${note}`)].join("\n");
  }
}

function canaryText({ ratio, by }: NonNullable<Explanation["canary"]>, mode: Mode): string {
  if (by === "key") return `a share of ${ratio} of the keys is protected, the others are in shadow`;
  const here = mode === "enforce" ? "this one is" : "this one is not";
  return `a share of ${ratio} of the processes is protected: ${here}`;
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
