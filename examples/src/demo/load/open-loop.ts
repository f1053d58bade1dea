import { nowMs } from "../common/clock.js";

/** When each call is due, from 0: one in each slot, somewhere in it. */
export function* dueTimes(callsPerSecond: number, chance: () => number): Generator<number, never> {
  for (let slot = 0; ; slot++) yield ((slot + chance()) * 1_000) / callsPerSecond;
}

/**
 * Starts every call when it is due, whatever became of those before it: users do not wait for one another.
 *
 * @returns what ends it.
 */
export function openLoop(
  firstMs: number,
  due: Iterator<number, never>,
  begin: (dueMs: number) => void,
): () => void {
  let nextMs = firstMs + due.next().value;
  let timer = setTimeout(beginDue, Math.max(0, nextMs - nowMs()));
  function beginDue(): void {
    for (; nextMs <= nowMs(); nextMs = firstMs + due.next().value) begin(nextMs);
    timer = setTimeout(beginDue, Math.max(0, nextMs - nowMs()));
  }
  return () => clearTimeout(timer);
}
