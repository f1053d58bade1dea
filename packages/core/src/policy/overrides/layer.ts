import { Block } from "../../engine/block.js";
import type { Driver } from "../../engine/driver.js";
import { offAtItsKey, offDriver } from "../../engine/off.js";
import { byKey, untilItEnds } from "../../engine/overridden.js";
import { refusing } from "../../engine/refusing.js";
import type { Scopes } from "../../engine/scope.js";
import type { Work } from "../../engine/work.js";
import type { Issue } from "../../errors/errors.js";
import { summarize } from "../../errors/summary.js";
import type { Events } from "../../events/events.js";
import { invalidSpec } from "../../parts/options.js";
import type { CompiledCohort, Cohorts } from "../cohorts/cohorts.js";
import type { Parts } from "../assemble.js";
import { board, type Overridable } from "./board.js";
import type { PolicyPatch } from "../settings/spec.js";
import type { Override } from "./override.js";

/** What the layer lies over. */
interface Beneath {
  /** Puts the calls of the policy on this driver. */
  readonly use: (driver: Driver) => void;
  /** What its calls are doing, under this plan and under those before. */
  readonly work: () => readonly Work[];
  /** What would be wrong with the policy under these patches, the last word last. */
  readonly problemsUnder: (patches: readonly PolicyPatch[]) => readonly Issue[];
  readonly tune: (
    patches: readonly PolicyPatch[],
    reason: { readonly by?: string; readonly why?: string },
  ) => void;
}

/**
 * What operators have laid over one policy. The policy itself stays as it is beneath: what changes is the driver that
 * its calls run on. Without overrides that is its own, and nothing is asked per call.
 */
export class Layer implements Overridable {
  readonly policy: string;
  readonly events: Events;
  #base: Cohorts;
  #standing: readonly Override[] = [];
  #driver: Driver;
  #isDrained = false;
  readonly #beneath: Beneath;
  /** Those whose patch is in force, the last word last. */
  #tunes: readonly Override[] = [];
  readonly #leftOut = new WeakSet<Override>();

  constructor(policy: string, events: Events, base: Cohorts, beneath: Beneath) {
    this.policy = policy;
    this.events = events;
    this.#base = base;
    this.#driver = base.driver;
    this.#beneath = beneath;
  }

  get standing(): readonly Override[] {
    board.settle();
    return this.#standing;
  }

  /** Beneath is another plan from now on; what stands stays. */
  set base(compiled: Cohorts) {
    this.#base = compiled;
    this.#lay();
  }

  /** Refuses every call from now on, whatever stands over it. */
  drain(): void {
    this.#isDrained = true;
    this.#lay();
  }

  stand(standing: readonly Override[]): void {
    this.#standing = standing;
    this.#tune();
    this.#lay();
  }

  problemsOf(patch: PolicyPatch): readonly Issue[] {
    return this.#beneath.problemsUnder([...this.#tunes.map(patchOf), patch]);
  }

  #lay(): void {
    this.#driver = this.#isDrained
      ? this.#base.compose((cohort) => cohort.refusing)
      : this.#topDriver();
    this.#beneath.use(this.#driver);
    const blocks = this.#of("block").map((block) => this.#blockFor(block));
    for (const work of this.#beneath.work()) work.override(blocks, (key) => this.#bypasses(key));
  }

  /** Where another one does the same to the same calls, nothing has ended for them. */
  ended(override: Override): void {
    const { verb, key } = override;
    const heirs = verb === "block" ? this.#of("block") : this.#calls;
    if (verb === "tune" || heirs.some((heir) => heir.isOverKey(key))) return;
    for (const { breaker } of this.#everyParts())
      if (verb === "block") breaker?.probe(key);
      else breaker?.close(key);
  }

  reset(key: string | undefined): void {
    for (const { breaker, budget } of this.#everyParts()) {
      breaker?.close(key);
      if (key === undefined) budget?.reset();
    }
  }

  #everyParts(): readonly Parts[] {
    return this.#base.all.flatMap(({ scopes }) => scopes.everyParts());
  }

  /** Those that say which way a call goes. */
  get #calls(): readonly Override[] {
    return this.#standing.filter(({ verb }) => verb !== "tune");
  }

  #of(verb: Override["verb"]): readonly Override[] {
    return this.#standing.filter((override) => override.verb === verb);
  }

  #bypasses(key: string | undefined): boolean {
    return this.#calls.find((override) => override.isOverKey(key))?.verb === "bypass";
  }

  #topDriver(): Driver {
    const endsMs = Math.min(...this.#standing.map((override) => override.endsMs));
    const calls = this.#calls;
    const driver = this.#base.compose((cohort) => this.#driverUnder(calls, cohort));
    return endsMs === Infinity ? driver : untilItEnds(driver, endsMs, () => this.#afterwards());
  }

  #driverUnder(calls: readonly Override[], cohort: CompiledCohort): Driver {
    return calls.every(({ key }) => key === undefined)
      ? this.#driverOf(calls[0], cohort)
      : this.#keyedDriver(calls, cohort);
  }

  /** The first that is over a key decides for it. */
  #keyedDriver(calls: readonly Override[], cohort: CompiledCohort): Driver {
    const drivers = calls.map((override) => ({
      override,
      driver: this.#driverOf(override, cohort),
    }));
    return byKey(
      (key) => drivers.find(({ override }) => override.isOverKey(key))?.driver ?? cohort.driver,
    );
  }

  #driverOf(override: Override | undefined, cohort: CompiledCohort): Driver {
    if (override === undefined) return cohort.driver;
    if (override.verb === "block") {
      const block = this.#blockFor(override);
      return cohort.answered(refusing(() => block));
    }
    return override.key === undefined ? offDriver(cohort.scopes.common) : offAtItsKey;
  }

  #afterwards(): { readonly driver: Driver; readonly scopes: Scopes } {
    board.settle();
    return { driver: this.#driver, scopes: this.#base.scopes };
  }

  #tune(): void {
    const before = this.#tunes;
    this.#tunes = this.#fitting(this.#of("tune").toReversed());
    if (isSame(before, this.#tunes)) return;
    const latest = this.#tunes.findLast((tune) => !before.includes(tune));
    const reason =
      latest === undefined ? { why: "an override has ended" } : { by: latest.by, why: latest.why };
    this.#beneath.tune(this.#tunes.map(patchOf), reason);
  }

  /** The policy may have been made after somebody asked for a patch: one that does not fit it is left out, and told. */
  #fitting(tunes: readonly Override[]): readonly Override[] {
    const fitting: Override[] = [];
    for (const tune of tunes) {
      const issues = this.#beneath.problemsUnder([...fitting, tune].map(patchOf));
      if (issues.length === 0) fitting.push(tune);
      else this.#leaveOut(tune, issues);
    }
    return fitting;
  }

  #leaveOut(tune: Override, issues: readonly Issue[]): void {
    if (this.#leftOut.has(tune)) return;
    this.#leftOut.add(tune);
    board.tell("override.refused", { ...tune.details, error: summarize(invalidSpec(issues)) });
  }

  #blockFor({ key, endsMs, origin }: Override): Block {
    return new Block(this.policy, key, endsMs, origin);
  }
}

function patchOf({ patch = {} }: Override): PolicyPatch {
  return patch;
}

function isSame(some: readonly Override[], others: readonly Override[]): boolean {
  return some.length === others.length && some.every((each, n) => each === others[n]);
}
