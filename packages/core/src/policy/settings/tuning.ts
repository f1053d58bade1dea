import { differences } from "../../parts/changes.js";
import type { Issue } from "../../errors/errors.js";
import { invalidSpec } from "../../parts/options.js";
import type { Part, PartUser, Reason, StatefulPart } from "../../parts/part.js";
import { clock } from "../../time/clock.js";
import type { Parts } from "../assemble.js";
import { History, type PolicyChange } from "./history.js";
import { type Pending, type Prepared, prepare, type Value } from "./prepare.js";
import { fieldsOf, insteadOf, over, type Section, type Settings } from "./settings.js";
import { checkSpec, type PolicyPatch, type PolicySpec, saidBy } from "./spec.js";

/** What the file says of a policy: beneath what code says, and over it. */
export interface FileLayers {
  readonly defaults: Settings;
  readonly own: Settings;
  /** What it says, as it is written: two that say the same are no change. */
  readonly said: readonly unknown[];
}

type How = PolicyChange["how"];

/**
 * What has been said of one policy, in layers: declared by code, the file over it, and over both what has been tuned
 * since. A file that says something else of the policy than before ends what was tuned: the last word counts.
 */
export class Tuning {
  readonly history = new History();
  readonly #user: PartUser;
  #declared: Settings;
  #file: FileLayers | undefined;
  #live: Settings;
  /** What operators have laid over all of it, the last word last. */
  #overrides: readonly Settings[] = [];
  #own: Parts = {};
  #values: readonly Value[] = [];

  constructor(user: PartUser, declared: Settings, file: FileLayers | undefined) {
    this.#user = user;
    this.#declared = declared;
    this.#file = file;
    this.#live = this.#filed;
  }

  /** Each option with its source. */
  get values(): readonly Value[] {
    return this.#values;
  }

  get #filed(): Settings {
    if (this.#file === undefined) return this.#declared;
    return over(over(this.#file.defaults, this.#declared), this.#file.own);
  }

  /** As it is now. */
  now(): Prepared {
    return this.#prepare(this.#live);
  }

  retuned(spec: PolicySpec): Prepared {
    throwIfAny(checkSpec("retune", spec));
    return this.#prepare(insteadOf(this.#live, saidBy(spec, "tune", true)));
  }

  tuned(patch: PolicyPatch): Prepared {
    throwIfAny(checkSpec("tune", patch));
    return this.#prepare(over(this.#live, saidBy(patch, "tune", false)));
  }

  /** Under these patches of operators, over whatever else is said; `accept` makes it so. */
  overridden(patches: readonly PolicyPatch[]): Prepared {
    const before = this.#overrides;
    this.#overrides = patches.map((patch) => saidBy(patch, "override", false));
    const prepared = this.#prepare(this.#live);
    if (prepared.issues.length > 0) this.#overrides = before;
    return prepared;
  }

  /** What would be wrong then. */
  problemsUnder(patches: readonly PolicyPatch[]): readonly Issue[] {
    const before = this.#overrides;
    const { issues } = this.overridden(patches);
    this.#overrides = before;
    return issues;
  }

  /** Code declares what so far only the file knew. */
  declared(declared: Settings): Prepared {
    const before = this.#declared;
    this.#declared = declared;
    const prepared = this.#prepare(this.#filed);
    if (prepared.issues.length > 0) this.#declared = before;
    return prepared;
  }

  /** Under what a file says; `accept` makes it so, and `fileIs` keeps it. */
  filed(file: FileLayers | undefined, pending: Pending): Prepared {
    const before = this.#file;
    this.#file = file;
    const prepared = this.#prepare(this.#filed, pending);
    this.#file = before;
    return prepared;
  }

  fileIs(file: FileLayers | undefined): void {
    this.#file = file;
  }

  /** Makes it so: from here on nothing fails. */
  accept(prepared: Prepared): Parts {
    const { parts, own } = prepared.build();
    this.#live = prepared.settings;
    this.#own = own;
    this.#values = prepared.values;
    return parts;
  }

  /** Undefined if nothing has changed. */
  record(how: How, before: readonly Value[], reason: Reason): PolicyChange | undefined {
    const changes = differences(byPath(before), byPath(this.#values));
    if (changes.length === 0) return undefined;
    return this.history.add({ at: clock.wallMs(), how, ...reason, changes });
  }

  /** Somebody who holds the part has changed it: that is what is said of it from now on. */
  partRetuned(part: StatefulPart): void {
    this.#declared = this.#saying(this.#declared, part);
    this.#live = this.#saying(this.#live, part);
    this.#values = this.#prepare(this.#live).values;
  }

  #saying(settings: Settings, part: StatefulPart): Settings {
    const section = settings.parts[part.kind];
    if (section == null || (section.part ?? this.#own[part.kind]) !== (part as Part))
      return settings;
    return { ...settings, parts: { ...settings.parts, [part.kind]: replaced(section, part) } };
  }

  #prepare(settings: Settings, pending?: Pending): Prepared {
    const beneath = prepare(settings, this.#own, this.#user, pending);
    if (this.#overrides.length === 0 || beneath.issues.length > 0) return beneath;
    // What is beneath must hold by itself, too: it is there again once the overrides have ended.
    return {
      ...prepare(this.#overrides.reduce(over, settings), this.#own, this.#user, pending),
      settings,
    };
  }
}

function replaced(section: Section, { given }: Part): Section {
  return { ...section, fields: fieldsOf(given, "tune"), isWhole: true };
}

function byPath(values: readonly Value[]): Map<string, unknown> {
  return new Map(values.map(({ path, value }) => [path, value]));
}

export function throwIfAny(issues: Parameters<typeof invalidSpec>[0]): void {
  if (issues.length > 0) throw invalidSpec(issues);
}
