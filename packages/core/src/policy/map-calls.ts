import { setMaxListeners } from "node:events";
import type { Call, CallOptions } from "../call/call.js";
import { holdRefused, type Send } from "../engine/dead-letters/held.js";
import { type CallReport, explainError, isRefusalBy } from "../engine/report.js";
import type { Abortable } from "../engine/work.js";
import { BreakwaterError } from "../errors/errors.js";
import { invalidSpec, issueOf } from "../parts/options.js";
import { LivePolicy } from "./live-policy.js";
import type { Policy } from "./policy.js";

/** How a batch is worked through. */
export interface MapCallsOptions<T> extends Pick<CallOptions, "signal"> {
  /** How many items are worked on at once, those included whose result has not been taken yet. 1 and more; default 10. */
  readonly concurrency?: number;
  /**
   * What becomes of an item that the policy refuses, as its circuit is open, there is no room or the rate is reached.
   * `'wait'`: it is tried again once the policy is ready. So is, twice at most, one that has failed and whose retry was
   * refused, as its failure opened the circuit. `'report'`: that is its result. Default `'wait'`.
   */
  readonly whileOpen?: "wait" | "report";
  /** The key of an item: chooses its circuit and its credit. */
  readonly key?: (item: T, index: number) => string | undefined;
}

/** What became of one item. */
export type MapResult<T, R> = {
  readonly item: T;
  /** Its place among the items, counted from 0. Results come as they are ready, not in the order of the items. */
  readonly index: number;
} & (
  | { readonly status: "fulfilled"; readonly value: R }
  | {
      readonly status: "rejected";
      /** The task's own error. */
      readonly error: unknown;
      /** How it came to that; undefined for what is no object. */
      readonly report: CallReport | undefined;
    }
);

/**
 * Runs one call for each item, and gives the results as they are ready. No error ends it: each item has its own result.
 *
 * While the circuit is open it waits instead of failing what is left of the batch. Items are taken from their source
 * only as fast as results are taken from here: at most `concurrency` of them are under way.
 *
 * It ends early where the consumer leaves the loop or `signal` is aborted: running tasks are told by their signal. When
 * the policy is drained it throws `ERR_DRAINING` once the calls under way have ended.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` for options that cannot work; `signal.reason`; `ERR_DRAINING`; what the
 * source of the items throws.
 * @example
 * for await (const result of mapCalls(crm, orders, (order, { signal }) => send(order, signal), { concurrency: 20 }))
 *   if (result.status === "rejected") failed.push(result.item);
 */
export async function* mapCalls<T, R>(
  policy: Policy,
  items: Iterable<T> | AsyncIterable<T>,
  task: (item: T, call: Call, index: number) => R | PromiseLike<R>,
  options: MapCallsOptions<T> = {},
): AsyncGenerator<MapResult<T, Awaited<R>>, void, undefined> {
  const batch = new Batch(policy, items, task, options);
  try {
    for (let result = await batch.next(); result !== undefined; result = await batch.next())
      yield result;
    batch.throwIfEndedEarly();
  } finally {
    await batch.close();
  }
}

/** How often an item comes back whose failure opened the circuit: one that always does so must come to an end. */
const MOST_RETURNS = 2;

/** The items under way, and the results that nobody has taken yet. */
class Batch<T, R> implements Abortable {
  readonly #policy: Policy;
  readonly #source: Iterator<T> | AsyncIterator<T>;
  readonly #task: (item: T, call: Call, index: number) => R | PromiseLike<R>;
  readonly #options: MapCallsOptions<T>;
  readonly #concurrency: number;
  readonly #stop = new AbortController();
  readonly #results: MapResult<T, Awaited<R>>[] = [];
  #underWay = 0;
  #taken = 0;
  #isTaking = false;
  /** No item is taken any more. */
  #isExhausted = false;
  /** It has said itself that there is nothing more, or has failed: it is not to be closed. */
  #isSourceOver = false;
  #endedBy: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};
  /** A drain has nothing to tell it any more. */
  readonly #notTold: () => void = () => {};

  constructor(
    policy: Policy,
    items: Iterable<T> | AsyncIterable<T>,
    task: (item: T, call: Call, index: number) => R | PromiseLike<R>,
    options: MapCallsOptions<T>,
  ) {
    this.#concurrency = checked(options);
    this.#policy = policy;
    this.#source = iteratorOf(items);
    this.#task = task;
    this.#options = options;
    setMaxListeners(0, this.#stop.signal); // one for each item under way is no leak, as Node 20 would think
    if (policy instanceof LivePolicy) this.#notTold = policy.tellOfDrain(this);
    const { signal } = options;
    if (signal?.aborted === true) this.handleEvent();
    else signal?.addEventListener("abort", this, { once: true });
  }

  /** The caller gave up. */
  handleEvent(): void {
    this.abort(this.#options.signal?.reason);
  }

  abort(reason: unknown): void {
    this.#endEarly(reason);
    this.#stop.abort(reason);
  }

  /** Undefined when there is none any more. */
  async next(): Promise<MapResult<T, Awaited<R>> | undefined> {
    if (!this.#isTaking) void this.#take();
    while (this.#results.length === 0 && this.#isAnyToCome)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#results.shift();
  }

  throwIfEndedEarly(): void {
    if (this.#endedBy !== undefined) throw this.#endedBy.error;
  }

  /** Whoever leaves early leaves nothing running that listens to its signal, and no source open. */
  async close(): Promise<void> {
    this.#notTold();
    this.#options.signal?.removeEventListener("abort", this);
    if (this.#underWay > 0) this.#stop.abort(new Error("the batch was left"));
    this.#isExhausted = true;
    if (this.#isSourceOver) return;
    const closing = this.#closeSource();
    // Until a slow source has given what it was asked for it cannot be closed. Nobody waits for that, nor for an error
    // of its closing that would hide the one which ended the batch.
    if (this.#isTaking || this.#endedBy !== undefined) closing.catch(() => {});
    if (!this.#isTaking) await (this.#endedBy === undefined ? closing : settled(closing));
  }

  async #closeSource(): Promise<void> {
    await this.#source.return?.();
  }

  /** A source that is slow does not hold up the end. */
  get #isAnyToCome(): boolean {
    return this.#underWay > 0 || (this.#isTaking && this.#endedBy === undefined);
  }

  /** Takes items while there is room for them. A source that is slow does not hold up the results. */
  async #take(): Promise<void> {
    this.#isTaking = true;
    try {
      while (!this.#isExhausted && this.#underWay + this.#results.length < this.#concurrency) {
        const { done = false, value } = await this.#source.next();
        if (done) this.#isExhausted = this.#isSourceOver = true;
        else if (!this.#isExhausted) void this.#work(value as T, this.#taken++);
      }
    } catch (error) {
      this.#isSourceOver = true;
      this.#endEarly(error);
    }
    this.#isTaking = false;
    this.#wake();
  }

  #endEarly(error: unknown): void {
    this.#isExhausted = true;
    this.#endedBy ??= { error };
    this.#wake();
  }

  async #work(item: T, index: number): Promise<void> {
    this.#underWay++;
    const result = await this.#resultOf(item, index);
    this.#underWay--;
    if (result !== undefined) this.#results.push(result);
    this.#wake();
  }

  async #resultOf(item: T, index: number): Promise<MapResult<T, Awaited<R>> | undefined> {
    const { signal } = this.#stop;
    const task = (call: Call): R | PromiseLike<R> => this.#task(item, call, index);
    let held: Send | undefined;
    let letter: Send | undefined;
    holdRefused(task, (send) => void (held = send));
    let key: string | undefined;
    for (let returns = 0; ;) {
      try {
        key = this.#options.key?.(item, index);
        const value = await this.#policy.execute(task, { key, signal });
        return { item, index, status: "fulfilled", value };
      } catch (error) {
        const report = explainError(error);
        const isRefused = isRefusalBy(this.#policy.name, error);
        // A call that was refused before its task ran has left no letter, and the one of the call before it stands.
        if (!isRefused) letter = held;
        held = undefined;
        const comesBack = isRefused || (isRetryRefused(report) && ++returns <= MOST_RETURNS);
        const waits = comesBack && !isDraining(error) && this.#options.whileOpen !== "report";
        const whyNot = waits ? await this.#untilReady(key) : error;
        if (whyNot === undefined) continue;
        letter?.();
        if (isRefused && isDraining(whyNot)) return this.#endEarly(whyNot) as undefined;
        return { item, index, status: "rejected", error, report };
      }
    }
  }

  /** Or why it will not be. */
  async #untilReady(key: string | undefined): Promise<unknown> {
    try {
      await this.#policy.ready({ key, signal: this.#stop.signal });
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

/** Not where the attempt itself ended with a refusal, of a policy inside. */
function isRetryRefused(report: CallReport | undefined): boolean {
  return report?.stoppedBy === "refused" && report.attempts.at(-1)?.verdict !== "refused";
}

function iteratorOf<T>(items: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  const { [Symbol.asyncIterator]: iterateLater } = items as Partial<AsyncIterable<T>>;
  return iterateLater?.call(items) ?? (items as Iterable<T>)[Symbol.iterator]();
}

function isDraining(error: unknown): boolean {
  return error instanceof BreakwaterError && error.code === "ERR_DRAINING";
}

async function settled(promise: Promise<void>): Promise<void> {
  await Promise.allSettled([promise]);
}

/** The concurrency that is asked for. */
function checked({
  concurrency = 10,
  whileOpen = "wait",
  key,
}: Pick<MapCallsOptions<never>, "concurrency" | "whileOpen" | "key">): number {
  const issues = [];
  if (!Number.isInteger(concurrency) || concurrency < 1)
    issues.push(issueOf("mapCalls.concurrency", "a whole number from 1", concurrency));
  if (!["wait", "report"].includes(whileOpen))
    issues.push(issueOf("mapCalls.whileOpen", "'wait' or 'report'", whileOpen));
  if (key !== undefined && typeof key !== "function")
    issues.push(issueOf("mapCalls.key", "a function", key));
  if (issues.length > 0) throw invalidSpec(issues);
  return concurrency;
}
