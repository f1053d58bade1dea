import type { Call, CallOptions } from "../call/call.js";
import type { DrainReport } from "../engine/drain.js";
import type { Watchable } from "../events/listeners.js";
import type { Duration } from "../time/duration.js";
import type { Comparison } from "./cohorts/compare.js";
import type { Explanation } from "./explanation.js";
import type { PolicyChange } from "./settings/history.js";
import type { TuneReason } from "./settings/reason.js";
import type { PolicyPatch, PolicySpec } from "./settings/spec.js";
import type { PolicySnapshot } from "./snapshot.js";

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
