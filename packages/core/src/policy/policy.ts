import { type Call, type CallOptions, runningFrame } from "../call/call.js";
import { parseCallOptions } from "../call/call-options.js";
import type { Counters } from "../engine/counters.js";
import { drainPlan, type DrainReport, sumOfDrains } from "../engine/drain.js";
import type { Task } from "../engine/plan.js";
import { Readiness } from "../engine/readiness.js";
import { scopeFor } from "../engine/scope.js";
import type { Abortable } from "../engine/work.js";
import { Drained, refusalError, rejectSoon } from "../engine/refusals.js";
import { type EventDetails, EVENTS, type EventType } from "../events/catalog.js";
import { Events } from "../events/events.js";
import type { Listener, Watchable } from "../events/listeners.js";
import type { Heard } from "../events/audience.js";
import { Living } from "../parts/living.js";
import { invalidSpec, issueOf } from "../parts/options.js";
import type { FactSource } from "../parts/facts.js";
import type { PartUser, Reason, StatefulPart } from "../parts/part.js";
import { type Duration, parseDuration } from "../time/duration.js";
import type { Assembly, Parts } from "./assemble.js";
import { type Account, Accounts } from "./account.js";
import { type Cohorts, type CompiledCohort, compileCohorts, isForBoth } from "./cohorts/cohorts.js";
import { type Comparison, reportsOf } from "./cohorts/compare.js";
import { Explanation } from "./explanation.js";
import { healthOf, type PolicyHealth } from "./health.js";
import { board } from "./overrides/board.js";
import { followOverridesFile } from "./overrides/file.js";
import { Layer } from "./overrides/layer.js";
import type { ParsedPolicyOptions } from "./policy-options.js";
import { LastHour, type RetryShare } from "./last-hour.js";
import { statefulOf } from "./stateful.js";
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

/** Any function that returns a promise. */
// oxlint-disable-next-line typescript/no-explicit-any -- a constraint only: the function keeps its own type
export type AsyncFunction = (this: any, ...args: any[]) => Promise<unknown>;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** The function itself, but for one that returns `any`: that could be anything. */
export type ReturnsPromise<F extends AsyncFunction> = IsAny<ReturnType<F>> extends true ? never : F;

/**
 * A named, live holder of a plan: what `resilient` and `definePolicy` make. Any number of functions and methods may run
 * under it; they then share its guards.
 */
export interface Policy extends Watchable {
  readonly name: string;
  /**
   * Runs a task. It gets a call object with its `signal` and `attempt`, and may be run more than once.
   *
   * Rejects with the task's own error, the same object; with a `BreakwaterError` if we refused to run it or cut it
   * short; with `signal.reason` if the caller gave up before the task began or while the call waited. A task that is
   * running is told by its signal, and ends as it decides itself. Never throws synchronously.
   *
   * @example
   * const quote = await rates.execute(({ signal }) => fetchQuote("EUR", { signal }));
   */
  execute<T>(task: (call: Call) => T | PromiseLike<T>, options?: CallOptions): Promise<Awaited<T>>;
  /**
   * The same function, run under this policy: `this`, name, length, overloads and generics are kept.
   *
   * @example
   * const latest = rates.wrap(rawLatest);
   */
  wrap<F extends AsyncFunction>(fn: F): F;
  /**
   * Resolves when an attempt would be admitted: the circuit is not open any more, there is room, the rate allows it.
   * First in, first out; as many are let go as would be admitted. It promises no admission: others may be quicker.
   *
   * Rejects with `signal.reason`, or with `ERR_DRAINING`.
   *
   * @example
   * for (const order of orders) {
   *   await crm.ready();
   *   await crm.execute(() => send(order));
   * }
   */
  ready(options?: Pick<CallOptions, "key" | "signal">): Promise<void>;
  /**
   * Ends this policy: new calls, and those that wait in a queue, are refused with `ERR_DRAINING`. Calls that wait for a
   * retry reject at once with the error that they have. Attempts that run have `graceMs` to end, then their signal is
   * aborted.
   *
   * @param options.graceMs default 10 s.
   * @returns once nothing runs any more, or a second after the signals: what became of the calls.
   * @example
   * process.once("SIGTERM", async () => console.log(await crm.drain({ graceMs: "5s" })));
   */
  drain(options?: { readonly graceMs?: Duration }): Promise<DrainReport>;
  /**
   * Of a policy with a canary: how the calls have gone that it protects, beside those that it does not.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC` without a canary.
   * @example
   * const { canary, control } = crm.compare();
   * console.log(canary?.p95Ms, control?.p95Ms, control?.would?.refusals);
   */
  compare(): Comparison;
  /** What this policy does, in order, as a text and as data. */
  explain(): Explanation;
  /** How often it has been changed since it was made: for `ifRevision`. */
  readonly revision: number;
  /**
   * Other options, all of them: what the spec does not have falls back to its default, and a kind of part that it does
   * not have is gone. Calls that run end as they began; state, epoch and counts stay. Another kind of window starts
   * empty, and a new `openMs` only shortens a running opening.
   *
   * It lasts until the process ends, or until the config file says something else of this policy.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem, also for what would change a part that other policies
   * use: retune the part itself. `ERR_STALE_REVISION` if it has been changed since `ifRevision`. Nothing has changed then.
   * @example
   * crm.retune({ breaker: { openMs: "30s" }, budget: { ratio: 0.1 }, timeout: "1s" }, { by: "ana", why: "INC-4711" });
   */
  retune(spec: PolicySpec, reason?: TuneReason): PolicyChange | undefined;
  /**
   * The same for some options: what the patch does not have stays as it is. `null` takes a kind of part away.
   *
   * @returns what has changed; undefined if nothing has.
   * @throws BreakwaterError as `retune` does.
   * @example
   * crm.tune({ breaker: { openMs: "1m" } }, { by: "ana", why: "INC-4711", ifRevision: crm.revision });
   */
  tune(patch: PolicyPatch, reason?: TuneReason): PolicyChange | undefined;
  /** The last 20 changes, oldest first: what, when, by whom and why. */
  history(): readonly PolicyChange[];
  /** State and counters as plain JSON; it can be restored in another process. */
  snapshot(): PolicySnapshot;
  /**
   * Goes on from a snapshot. In the same boot of the machine exactly; after a reboot so that no circuit sticks and no
   * free retries appear. Counters are not restored: they belong to the process.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC` for what is no snapshot; nothing has changed then.
   */
  restore(snapshot: PolicySnapshot): void;
}

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

const DEFAULT_GRACE_MS = 10_000;

/** @throws BreakwaterError `ERR_INVALID_SPEC` */
function parseGrace(graceMs: Duration): number {
  const ms = typeof graceMs === "string" ? parseDuration(graceMs) : graceMs;
  if (typeof ms === "number" && ms >= 0) return ms;
  throw invalidSpec([
    issueOf("drain.graceMs", "a duration: milliseconds, or a text such as '2s'", graceMs),
  ]);
}

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
    this.#uses();
    this.#layer = new Layer(this.name, this.#events, this.#compiled, {
      use: (driver) => void (this.#compiled = { ...this.#compiled, driver }),
      work: () => [...this.#accounts.all()].map(({ work }) => work),
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
      const ms = parseGrace(options?.graceMs ?? DEFAULT_GRACE_MS);
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

  /** Tells `batch` what running tasks are told when a drain has lost its patience, until its end is told by what this gives. */
  tellOfDrain(batch: Abortable): () => void {
    const works = [...this.#accounts.all()].map(({ work }) => work);
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
    this.#leaves();
    this.#parts = parts;
    this.#options = options;
    this.#compiled = this.#compile();
    this.#layer.base = this.#compiled;
    this.#uses();
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

  #uses(): void {
    for (const part of statefulOf(this.#parts)) part.join(this);
    this.#eachGuard((facts, events) => {
      facts.usedBy(events);
      facts.keepIfListenedTo(events);
    });
  }

  #leaves(): void {
    for (const part of statefulOf(this.#parts)) part.leave(this);
    this.#eachGuard((facts, events) => facts.noLongerUsedBy(events));
  }

  /** What happens to a part that cohorts share happens to the whole policy, once. */
  #eachGuard(tell: (facts: FactSource, events: Events) => void): void {
    const guards = new Map<StatefulPart, Events>();
    for (const { cohort, parts, scopes } of this.#compiled.all)
      for (const part of statefulOf(parts))
        guards.set(
          part,
          cohort !== undefined && isForBoth(part) ? this.#events : scopes.plan.events,
        );
    for (const [{ facts }, events] of guards) tell(facts, events);
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
    this.#keepIfListenedTo();
    if (type === "*") this.askForName();
    return () => {
      off();
      this.#keepIfListenedTo();
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

  #keepIfListenedTo(): void {
    this.#eachGuard((facts, events) => facts.keepIfListenedTo(events));
  }
}

/** @throws BreakwaterError `ERR_INVALID_SPEC` for a type of event that there is not. */
export function mustBeEvent(at: string, type: unknown): void {
  if (type === "*" || Object.hasOwn(EVENTS, type as EventType)) return;
  throw invalidSpec([issueOf(at, `'*' or one of ${Object.keys(EVENTS).join(", ")}`, type)]);
}

/** A function with a `this` of its own, which it hands on. */
function runUnder(policy: LivePolicy, fn: Task): AsyncFunction {
  return function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return policy.run(fn, this, args, runningFrame()?.callOptions);
  };
}

/** Gives a wrapper the name, the length and the own properties of what it wraps. */
export function keepIdentity<F extends object>(wrapper: F, original: F): F {
  const own = Object.getOwnPropertyDescriptors(original) as Record<PropertyKey, PropertyDescriptor>;
  delete own["prototype"];
  for (const name of Reflect.ownKeys(own)) {
    const { [name]: property } = own;
    const present = Object.getOwnPropertyDescriptor(wrapper, name);
    if (property !== undefined && (present?.configurable ?? true))
      Object.defineProperty(wrapper, name, property);
  }
  return wrapper;
}
