import { clock } from "../time/clock.js";
import type { Call } from "../call/call.js";

/** What one run of a scripted task does. */
export interface Step<T> {
  readonly outcome: { readonly value: T } | { readonly error: unknown } | "never";
  readonly afterMs: number;
  readonly heedsSignal: boolean;
}

interface When {
  /** On the clock in use, virtual or not. Default 0: at once. */
  readonly afterMs?: number;
}

export function returns<T>(value: T, { afterMs = 0 }: When = {}): Step<T> {
  return { outcome: { value }, afterMs, heedsSignal: true };
}

export function throws(error: unknown, { afterMs = 0 }: When = {}): Step<never> {
  return { outcome: { error }, afterMs, heedsSignal: true };
}

/** Never settles by itself; on an abort it rejects with the reason, unless it is deaf. */
export function hangs({ deaf = false }: { readonly deaf?: boolean } = {}): Step<never> {
  return { outcome: "never", afterMs: 0, heedsSignal: !deaf };
}

/** One run of a scripted task, as it was started. */
export interface ScriptedRun {
  readonly attempt: number;
  readonly key: string | undefined;
  readonly atMs: number;
}

export interface ScriptedTask<T> {
  (call: Call): Promise<T>;
  /** Every run so far, in order. */
  readonly runs: readonly ScriptedRun[];
}

/**
 * A task that does as it is told: each run takes the next step, the last one is repeated.
 *
 * @example
 * const task = scriptedTask(throws(new Error("reset")), returns("fine", { afterMs: 50 }));
 * expect(await clock.run(policy.execute(task))).toBe("fine");
 * expect(task.runs).toHaveLength(2);
 */
export function scriptedTask<T>(...steps: readonly [Step<T>, ...Step<T>[]]): ScriptedTask<T> {
  if ((steps as readonly unknown[]).length === 0)
    throw new TypeError("scriptedTask() takes at least one step");
  const runs: ScriptedRun[] = [];
  const task = (call: Call): Promise<T> => {
    const step = steps[Math.min(runs.length, steps.length - 1)] as Step<T>;
    runs.push({ attempt: call.attempt, key: call.key, atMs: clock.now() });
    return new Promise((resolve, reject) => {
      if (step.heedsSignal && (step.outcome === "never" || step.afterMs > 0))
        call.signal.addEventListener("abort", () => reject(call.signal.reason), { once: true });
      if (step.outcome === "never") return;
      const settle =
        "value" in step.outcome
          ? settler(resolve, step.outcome.value)
          : settler(reject, step.outcome.error);
      if (step.afterMs === 0) settle();
      else clock.setTimer(settle, step.afterMs);
    });
  };
  return Object.assign(task, { runs });
}

function settler<V>(settle: (value: V) => void, value: V): () => void {
  return () => settle(value);
}
