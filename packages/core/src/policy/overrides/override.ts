import type { OverrideDetails } from "../../events/catalog.js";
import { Readable } from "../../errors/readable.js";
import { clock } from "../../time/clock.js";
import { isPlainObject } from "../../parts/options.js";
import type { PolicyPatch } from "../settings/spec.js";
import type { Request } from "./request.js";
import { iso, whenOf } from "./until.js";

/**
 * An override that stands. Prints as a sentence, `JSON.stringify` gives the data.
 *
 * @example
 * console.log(registry.overrides().join("\n"));
 * // crm: BYPASSED until 03:45 by ana (INC-4711): every call goes through unprotected
 */
export class Override extends Readable {
  readonly id: string;
  readonly verb: "block" | "bypass" | "tune";
  /** The name of a policy, or `'*'`. */
  readonly policy: string;
  readonly key?: string;
  readonly by: string;
  readonly why: string;
  /** Wall time, as ISO 8601. */
  readonly since: string;
  /** Wall time, as ISO 8601; or `'cleared'`. */
  readonly until: string;
  /** `'code'`, or the file that says so. */
  readonly source: string;
  /** Of a `tune`. */
  readonly patch?: PolicyPatch;
  /** When it ends, by the monotonic clock. */
  readonly #endsMs: number;
  readonly #number: number;

  /** @internal */
  constructor(request: Request, number: number, source: string) {
    super();
    const { leftMs, shown } = whenOf(request.until ?? "cleared");
    this.id = `override-${number}`;
    this.verb = request.verb as Override["verb"];
    this.policy = request.policy;
    if (request.key !== undefined) this.key = request.key;
    this.by = request.by;
    this.why = request.why;
    this.since = iso(clock.wallMs());
    this.until = shown;
    this.source = source;
    if (request.patch !== undefined) this.patch = copyOf(request.patch);
    this.#endsMs = clock.read() + leftMs;
    this.#number = number;
  }

  /** @internal */
  get endsMs(): number {
    return this.#endsMs;
  }

  /** How much longer it stands; undefined until it is cleared. A wall clock that is set changes nothing about it. */
  get remainingMs(): number | undefined {
    return this.#endsMs === Infinity ? undefined : Math.max(0, this.#endsMs - clock.now());
  }

  /** @internal Is it over this policy? */
  isOver(policy: string): boolean {
    return this.policy === "*" || this.policy === policy;
  }

  /** @internal Is it over calls of this key? */
  isOverKey(key: string | undefined): boolean {
    return this.key === undefined || this.key === key;
  }

  /** @internal */
  get details(): OverrideDetails {
    const { id, verb, policy: target, key, by, why, until, source } = this;
    return { id, verb, target, ...(key === undefined ? {} : { key }), by, why, until, source };
  }

  /** @internal Whom it comes from, and until when. */
  get origin(): string {
    return `until ${forPeople(this.until)} by ${this.by} (${this.why})`;
  }

  toString(): string {
    const policy = this.policy === "*" ? "every policy" : this.policy;
    const at = this.key === undefined ? "" : ` at ${JSON.stringify(this.key)}`;
    return `${policy}${at}: ${this.saying}`;
  }

  /** @internal The same without the name of the policy. */
  get saying(): string {
    const [done, means] = MEANING[this.verb];
    const patch = this.patch === undefined ? "" : ` ${JSON.stringify(this.patch)}`;
    return `${done} ${this.origin}: ${means}${patch}`;
  }

  /**
   * For a list that is to be in order of precedence: block wins, then the narrowest scope, then the newest.
   *
   * @internal
   */
  static byPrecedence(this: void, a: Override, b: Override): number {
    return (
      Number(b.verb === "block") - Number(a.verb === "block") ||
      narrowness(b) - narrowness(a) ||
      b.#number - a.#number
    );
  }

  /** @internal In the order of their ends, the oldest first where those are the same. */
  static byEnd(this: void, a: Override, b: Override): number {
    return a.#endsMs === b.#endsMs ? a.#number - b.#number : a.#endsMs - b.#endsMs;
  }
}

const MEANING = {
  block: ["BLOCKED", "every call is refused"],
  bypass: ["BYPASSED", "every call goes through unprotected"],
  tune: ["TUNED", "other options"],
} as const;

/** A key of one policy, a key of all, one policy, all. */
function narrowness({ key, policy }: Override): number {
  return (key === undefined ? 0 : 2) + (policy === "*" ? 0 : 1);
}

/** What somebody changes in the object that they gave is not asked for. */
function copyOf(patch: PolicyPatch): PolicyPatch {
  const sections = Object.entries(patch).map(([name, section]: [string, unknown]) => [
    name,
    isPlainObject(section) ? { ...section } : section,
  ]);
  return Object.fromEntries(sections) as PolicyPatch;
}

/** Local time; with its date where that is another day. */
function forPeople(until: string): string {
  if (until === "cleared") return until;
  const then = new Date(until);
  const time = `${two(then.getHours())}:${two(then.getMinutes())}`;
  const isToday = then.toDateString() === new Date(clock.wallMs()).toDateString();
  const date = `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
  return isToday ? time : `${date} ${time}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
