import { type Call, type CallOptions, runningFrame } from "../call/call.js";
import { parseCallOptions } from "../call/call-options.js";
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
import { type Duration, parseDuration } from "../time/duration.js";
import { type Assembly, complete, type Parts } from "./assemble.js";
import { type Comparison, reportsOf } from "./cohorts/compare.js";
import { type Compiled, compile, type CompiledCohort, statefulOf } from "./compile.js";
import { Explanation } from "./explanation.js";
import { healthOf, type PolicyHealth } from "./health.js";
import type { ParsedPolicyOptions } from "./policy-options.js";
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
export class LivePolicy implements Policy {
  readonly name: string;
  readonly #parts: Parts;
  readonly #options: ParsedPolicyOptions;
  readonly #events: Events;
  #compiled: Compiled;
  /** Or has been asked for a name. */
  #named: boolean;

  constructor(assembly: Assembly, defaultName?: string) {
    const { options } = assembly;
    this.#named = (options.name ?? defaultName) !== undefined;
    this.name = options.name ?? defaultName ?? `anonymous-${++unnamed}`;
    this.#parts = complete(assembly);
    this.#options = options;
    this.#events = new Events(this.name);
    this.#compiled = compile(this.name, this.#parts, options, this.#events);
    for (const { parts, scopes } of this.#compiled.cohorts)
      for (const { facts } of statefulOf(parts)) facts.usedBy(scopes.plan.events);
    everyPolicy.add(this);
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
      const { scopes, mode } = this.#compiled.cohortOf(given.key);
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
      const { refusing, cohorts } = this.#compiled;
      this.#compiled = { ...this.#compiled, driver: refusing };
      return sumOfDrains(cohorts.map(({ scopes }) => drainPlan(scopes.plan, ms)));
    } catch (error) {
      return rejectSoon(error);
    }
  }

  /** Tells `batch` what running tasks are told when a drain has lost its patience. */
  tellOfDrain(batch: Abortable): void {
    for (const { scopes } of this.#compiled.cohorts) scopes.plan.work.listens(batch);
  }

  explain(): Explanation {
    const { mode, scopes } = this.#first;
    return new Explanation(this.name, mode, this.#parts, this.#options, scopes.plan.counters);
  }

  snapshot(): PolicySnapshot {
    const { parts, scopes } = this.#first;
    return takeSnapshot(this.name, parts, scopes.plan.counters);
  }

  restore(snapshot: PolicySnapshot): void {
    applySnapshot(snapshot, this.#first.parts);
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

  /** An event of somebody who acts for this policy. */
  report<T extends EventType>(type: T, details: EventDetails[T]): void {
    this.#events.emit(type, details);
  }

  health(): PolicyHealth {
    return healthOf(this.name, this.#compiled.cohorts);
  }

  /** The refusals that `'*'` has not heard of yet. */
  tellFolded(): void {
    for (const { scopes } of this.#compiled.cohorts) scopes.plan.events.tellFolded();
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
    return {
      policy: this.name,
      ratio: canary.ratio,
      by: canary.by,
      ...reportsOf(this.#compiled.cohorts),
    };
  }

  /** Whose state is the policy's, to who asks for one: that of the calls that are protected, if any are. */
  get #first(): CompiledCohort {
    return this.#compiled.cohorts[0];
  }

  #keepIfListenedTo(): void {
    for (const { parts, scopes } of this.#compiled.cohorts)
      for (const { facts } of statefulOf(parts)) facts.keepIfListenedTo(scopes.plan.events);
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
