import { type Call, type CallOptions, runningFrame } from "../call/call.js";
import { parseCallOptions } from "../call/call-options.js";
import { drive } from "../engine/drive.js";
import type { Task } from "../engine/plan.js";
import { rejectSoon } from "../engine/refusals.js";
import { EVENTS, type EventType } from "../events/catalog.js";
import { Events } from "../events/events.js";
import type { Listener, Watchable } from "../events/listeners.js";
import type { Heard } from "../events/audience.js";
import type { FactSource } from "../parts/facts.js";
import { Living } from "../parts/living.js";
import { invalidSpec, issueOf } from "../parts/options.js";
import { type Assembly, complete, type Parts } from "./assemble.js";
import { type Compiled, compile } from "./compile.js";
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

/** All policies of the process that somebody still uses. */
export const everyPolicy: Living<LivePolicy> = new Living();

/** A policy as we see it. */
export class LivePolicy implements Policy {
  readonly name: string;
  readonly #parts: Parts;
  readonly #options: ParsedPolicyOptions;
  readonly #events: Events;
  readonly #compiled: Compiled;
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
    for (const facts of this.#facts()) facts.usedBy(this.#events);
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
      const parsed = parseCallOptions(options);
      // A deadline of its own is the one thing that only a driver that can wait understands.
      return (parsed.deadlineMs === undefined ? driver : drive)(scopes, task, self, args, parsed);
    } catch (error) {
      return rejectSoon(error);
    }
  }

  explain(): Explanation {
    return new Explanation(
      this.name,
      this.#parts,
      this.#options,
      this.#compiled.scopes.plan.counters,
    );
  }

  snapshot(): PolicySnapshot {
    return takeSnapshot(this.name, this.#parts, this.#compiled.scopes.plan.counters);
  }

  restore(snapshot: PolicySnapshot): void {
    applySnapshot(snapshot, this.#parts);
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

  health(): PolicyHealth {
    return healthOf(this.name, this.#parts, this.#compiled.scopes.plan.counters);
  }

  /** The refusals that `'*'` has not heard of yet. */
  tellFolded(): void {
    this.#events.tellFolded();
  }

  #keepIfListenedTo(): void {
    for (const facts of this.#facts()) facts.keepIfListenedTo(this.#events);
  }

  #facts(): FactSource[] {
    const { breaker, bulkhead, budget } = this.#parts;
    return [breaker, bulkhead, budget].flatMap((part) => part?.facts ?? []);
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
