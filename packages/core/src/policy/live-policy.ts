import { type Call, type CallOptions, runningFrame } from "../call/call.js";
import { parseCallOptions } from "../call/call-options.js";
import type { Counters } from "../engine/counters.js";
import { drainPlan, type DrainReport, sumOfDrains } from "../engine/drain.js";
import type { Task } from "../engine/plan.js";
import { Readiness } from "../engine/readiness.js";
import { scopeFor } from "../engine/scope.js";
import type { Abortable, Work } from "../engine/work.js";
import { Drained, refusalError, rejectSoon } from "../engine/refusals.js";
import type { EventDetails, EventType } from "../events/catalog.js";
import { Events } from "../events/events.js";
import type { Listener } from "../events/listeners.js";
import type { Heard } from "../events/audience.js";
import { Living } from "../parts/living.js";
import { invalidSpec, issueOf } from "../parts/options.js";
import type { PartUser, Reason, StatefulPart } from "../parts/part.js";
import type { Duration } from "../time/duration.js";
import type { Assembly, Parts } from "./assemble.js";
import { type Account, Accounts } from "./account.js";
import { type Cohorts, type CompiledCohort, compileCohorts } from "./cohorts/cohorts.js";
import { type Comparison, reportsOf } from "./cohorts/compare.js";
import { Explanation } from "./explanation.js";
import { healthOf, type PolicyHealth } from "./health.js";
import { board } from "./overrides/board.js";
import { parseGrace } from "./grace.js";
import { keepIdentity } from "./keep-identity.js";
import { mustBeEvent } from "./must-be-event.js";
import { followOverridesFile } from "./overrides/file.js";
import { Layer } from "./overrides/layer.js";
import { PartsInUse } from "./parts-in-use.js";
import type { AsyncFunction, Policy } from "./policy.js";
import type { ParsedPolicyOptions } from "./policy-options.js";
import { LastHour, type RetryShare } from "./last-hour.js";
import { modeOf } from "./mode.js";
import { fileSays, tellShared } from "./settings/filed.js";
import type { PolicyChange } from "./settings/history.js";
import type { Pending, Prepared } from "./settings/prepare.js";
import { parseReason, type TuneReason } from "./settings/reason.js";
import { declaredBy } from "./settings/settings.js";
import type { PolicyPatch, PolicySpec } from "./settings/spec.js";
import { type FileLayers, throwIfAny, Tuning } from "./settings/tuning.js";
import { type Restorable, restoreAwaited } from "./registry-snapshot.js";
import { applySnapshot, type PolicySnapshot, takeSnapshot } from "./snapshot.js";

/** What a policy shows to whoever examines it. */
export interface Examined {
  readonly policy: string;
  readonly parts: Parts;
  readonly explanation: Explanation;
  readonly attempts: Counters["attempts"];
  readonly unknownErrors: number;
  readonly lastHour: RetryShare;
}

let unnamed = 0;

/** All policies of the process that somebody still uses. */
export const everyPolicy: Living<LivePolicy> = new Living();

/** A policy as we see it. */
export class LivePolicy implements Policy, PartUser, Restorable {
  readonly name: string;
  /** By who made it: others are called by a number, which means another one in the next process. */
  readonly isNamed: boolean;
  #parts: Parts;
  #options: ParsedPolicyOptions;
  readonly #events: Events;
  readonly #tuning: Tuning;
  readonly #accounts = new Accounts();
  /** What runs without a signal, and is to hear of a drain all the same. */
  readonly #toTell = new Living<Abortable>();
  #compiled: Cohorts;
  #inUse: PartsInUse;
  /** What operators have laid over it; it chooses the driver. */
  readonly #layer: Layer;
  readonly #lastHour = new LastHour();
  /** Or has been asked for a name. */
  #named: boolean;

  constructor(assembly: Assembly, defaultName?: string) {
    const { options } = assembly;
    this.isNamed = this.#named = (options.name ?? defaultName) !== undefined;
    this.name = options.name ?? defaultName ?? `anonymous-${++unnamed}`;
    this.#events = new Events(this.name);
    tellShared(assembly.parts);
    this.#tuning = new Tuning(
      this,
      declaredBy(assembly),
      this.#named ? fileSays(this.name) : undefined,
    );
    const prepared = this.#tuning.now();
    throwIfAny(prepared.issues);
    this.#parts = this.#tuning.accept(prepared);
    this.#options = prepared.options;
    this.#compiled = this.#compile();
    this.#inUse = this.#join();
    this.#layer = new Layer(this.name, this.#events, this.#compiled, {
      use: (driver) => void (this.#compiled = { ...this.#compiled, driver }),
      work: () => this.#works,
      problemsUnder: (patches) => this.#tuning.problemsUnder(patches),
      tune: (patches, why) => void this.#change("override", this.#tuning.overridden(patches), why),
    });
    followOverridesFile();
    board.join(this.#layer);
    everyPolicy.add(this);
    restoreAwaited(this);
    if (this.#events.hears("*") || this.#events.hears("policy.unnamed")) this.askForName();
  }

  execute<T>(task: (call: Call) => T | PromiseLike<T>, options?: CallOptions): Promise<Awaited<T>> {
    if (typeof task !== "function") return rejectSoon(new TypeError("execute() takes a function"));
    return this.run(task, undefined, undefined, options) as Promise<Awaited<T>>;
  }

  wrap<F extends AsyncFunction>(fn: F): F {
    if (typeof fn !== "function") throw new TypeError("wrap() takes a function");
    // It hands on what it gets, and gives what it is given back: its type is that of `fn`.
    return keepIdentity(runUnder(this, fn) as unknown as F, fn);
  }

  /** One call. `args` undefined gives the task a call object. */
  run(
    task: Task,
    self: unknown,
    args: readonly unknown[] | undefined,
    options: CallOptions | undefined,
  ): Promise<unknown> {
    const { driver, scopes } = this.#compiled;
    return options === undefined || options === null
      ? driver(scopes, task, self, args, undefined)
      : this.#runWith(options, task, self, args);
  }

  #runWith(
    options: CallOptions,
    task: Task,
    self: unknown,
    args: readonly unknown[] | undefined,
  ): Promise<unknown> {
    const { driver, scopes } = this.#compiled;
    try {
      return driver(scopes, task, self, args, parseCallOptions(options));
    } catch (error) {
      return rejectSoon(error);
    }
  }

  ready(options: Pick<CallOptions, "key" | "signal"> = {}): Promise<void> {
    try {
      const { signal, ...given } = parseCallOptions(options);
      board.settle();
      const { scopes, mode } = this.#compiled.of(given.key);
      const scope = scopeFor(scopes, undefined, undefined, given);
      if (scope.plan.work.isDraining)
        return rejectSoon(refusalError(scope, new Drained(this.name)));
      if (mode !== "enforce") return Promise.resolve();
      return (scope.readiness ??= new Readiness(scope)).wait(signal ?? undefined);
    } catch (error) {
      return rejectSoon(error);
    }
  }

  /** A second drain waits for the same attempts. */
  drain(options?: { readonly graceMs?: Duration } | null): Promise<DrainReport> {
    try {
      const ms = parseGrace(options?.graceMs);
      this.#layer.drain();
      return sumOfDrains(
        [...this.#accounts.all()].map((account) => this.#drainAccount(account, ms)),
      );
    } catch (error) {
      return rejectSoon(error);
    }
  }

  #drainAccount({ work, counters }: Account, graceMs: number): Promise<DrainReport> {
    const { deadLetters, events } = this.#first.scopes.plan;
    for (const running of this.#toTell) work.mayListen(running);
    return drainPlan({ policy: this.name, work, counters, deadLetters, events }, graceMs);
  }

  /** Tells `batch` what running tasks are told when a drain has lost its patience; until it says that it has ended. */
  tellOfDrain(batch: Abortable): () => void {
    const works = this.#works;
    for (const work of works) work.listens(batch);
    return () => {
      for (const work of works) work.listensNoLonger(batch);
    };
  }

  /** The same for what may never end, and is not kept alive by it. */
  tellOfDrainWhileAlive(running: Abortable): void {
    this.#toTell.add(running);
  }

  get revision(): number {
    return this.#tuning.history.revision;
  }

  retune(spec: PolicySpec, reason: TuneReason = {}): PolicyChange | undefined {
    const why = parseReason(reason, this.name, this.revision);
    return this.#change("retune", this.#tuning.retuned(spec), why);
  }

  tune(patch: PolicyPatch, reason: TuneReason = {}): PolicyChange | undefined {
    const why = parseReason(reason, this.name, this.revision);
    return this.#change("tune", this.#tuning.tuned(patch), why);
  }

  history(): readonly PolicyChange[] {
    return this.#tuning.history.changes;
  }

  /** Code declares what so far only the file knew. */
  declare(assembly: Assembly): void {
    this.#change("code", this.#tuning.declared(declaredBy(assembly)), {});
  }

  /** What it would be under another file; nothing has changed yet. */
  preparedFor(file: FileLayers | undefined, pending: Pending): Prepared {
    return this.#tuning.filed(file, pending);
  }

  /** Says whether anything has changed. */
  putUnder(file: FileLayers | undefined, prepared: Prepared): boolean {
    this.#tuning.fileIs(file);
    return this.#change("file", prepared, {}) !== undefined;
  }

  partRetuned(part: StatefulPart, reason: Reason): void {
    const before = this.#tuning.values;
    this.#tuning.partRetuned(part);
    this.#tuning.record("part", before, reason);
  }

  /** From one plan to the next: calls that run end under the one that they began under. */
  #change(
    how: "retune" | "tune" | "file" | "code" | "override",
    prepared: Prepared,
    why: Reason,
  ): PolicyChange | undefined {
    throwIfAny(prepared.issues);
    modeOf(this.name, prepared.options); // the last thing that may throw
    const before = this.#tuning.values;
    const parts = this.#tuning.accept(prepared);
    const change = this.#tuning.record(how, before, why);
    if (change === undefined) return undefined;
    this.#use(parts, prepared.options);
    const { at: _, ...told } = change;
    this.#events.emit("policy.retuned", { ...told, how });
    return change;
  }

  #use(parts: Parts, options: ParsedPolicyOptions): void {
    this.#inUse.leave();
    this.#parts = parts;
    this.#options = options;
    this.#compiled = this.#compile();
    this.#layer.base = this.#compiled;
    this.#inUse = this.#join();
  }

  #compile(): Cohorts {
    return compileCohorts({
      policy: this.name,
      isNamed: this.isNamed,
      parts: this.#parts,
      options: this.#options,
      events: this.#events,
      accounts: this.#accounts,
    });
  }

  #join(): PartsInUse {
    return new PartsInUse(this, this.#events, this.#parts, this.#compiled.all);
  }

  get #works(): readonly Work[] {
    return [...this.#accounts.all()].map(({ work }) => work);
  }

  get #counters(): readonly Counters[] {
    return [...this.#accounts.all()].map(({ counters }) => counters);
  }

  explain(): Explanation {
    const { mode, account } = this.#first;
    return new Explanation(
      this.name,
      mode,
      this.#parts,
      this.#options,
      account.counters,
      this.#layer.standing,
      this.#tuning.values,
    );
  }

  snapshot(): PolicySnapshot {
    return takeSnapshot(this.name, this.#first.parts, this.#counters);
  }

  restore(snapshot: PolicySnapshot): void {
    applySnapshot(snapshot, this.#first.parts);
  }

  discarded(reason: string): void {
    this.#events.emit("state.discarded", { reason });
  }

  on(type: Heard, listener: Listener<never>): () => void {
    mustBeEvent("policy.on", type);
    const off = this.#events.on(type, listener);
    this.#inUse.keepIfListenedTo();
    if (type === "*") this.askForName();
    return () => {
      off();
      this.#inUse.keepIfListenedTo();
    };
  }

  /** Once: who listens first is told. */
  askForName(): void {
    if (this.#named) return;
    this.#named = true;
    this.#events.emit("policy.unnamed", { hint: "give it a name: resilient({ name: 'crm' }, …)" });
  }

  /** What it has to show to whoever examines it. */
  get examined(): Examined {
    const { counters } = this.#first.account;
    return {
      policy: this.name,
      parts: this.#parts,
      explanation: this.explain(),
      attempts: counters.attempts,
      unknownErrors: counters.unknownErrors,
      lastHour: this.#lastHour.look(counters),
    };
  }

  /** An event of somebody who acts for this policy. */
  report<T extends EventType>(type: T, details: EventDetails[T]): void {
    this.#events.emit(type, details);
  }

  health(): PolicyHealth {
    this.#lastHour.look(this.#first.account.counters);
    return healthOf(this.name, this.#compiled.all, this.#layer.standing, this.#counters);
  }

  /** The refusals that `'*'` has not heard of yet. */
  tellFolded(): void {
    for (const { scopes } of this.#compiled.all) scopes.plan.events.tellFolded();
  }

  compare(): Comparison {
    const { canary } = this.#options;
    if (canary === undefined)
      throw invalidSpec([
        issueOf(
          "policy.compare",
          "a policy with a canary",
          "none",
          "Give it { canary: { ratio } }",
        ),
      ]);
    const { ratio, by } = canary;
    return { policy: this.name, ratio, by, ...reportsOf(this.#compiled.all) };
  }

  /** Whose state is the policy's, to who asks for one: that of the calls that are protected, if any are. */
  get #first(): CompiledCohort {
    return this.#compiled.all[0];
  }
}

/** A function with a `this` of its own, which it hands on. */
function runUnder(policy: LivePolicy, fn: Task): AsyncFunction {
  return function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return policy.run(fn, this, args, runningFrame()?.callOptions);
  };
}
