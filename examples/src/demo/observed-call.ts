import {
  BreakwaterError,
  type CallReport,
  explainError,
  type EventType,
  type ResilienceEvent,
  type VerdictName,
} from "@breakwater/core";
import { breaker, budget, policy } from "./service.js";

/** One attempt of a call, put together from events. */
interface ObservedAttempt {
  readonly verdict: VerdictName;
  /** The wait before the next attempt. */
  delayMs?: number;
}

/** One call, and what became of it. */
export interface ObservedCall {
  readonly call: number;
  readonly result: "ok" | "failed" | "refused";
  readonly tookMs: number;
  readonly attempts: readonly ObservedAttempt[];
  readonly circuit: string;
  /** Retries that could be paid for after it. */
  readonly retriesLeft: { readonly credit: number; readonly reserve: number };
  /** Its code, else its message. */
  readonly error?: string;
  /** How it came to its end, if not well. */
  readonly report?: CallReport | undefined;
  readonly retryAfterMs?: number;
}

export const WATCHED = [
  "attempt.settled",
  "retry.scheduled",
  "retry.denied",
  "call.refused",
  "circuit.opened",
  "circuit.half_opened",
  "circuit.closed",
] as const satisfies readonly EventType[];

/** Makes a call and watches it. Calls follow one another, so every event between belongs to this one. */
export async function observe(call: number, run: () => Promise<unknown>): Promise<ObservedCall> {
  const attempts: ObservedAttempt[] = [];
  const leave = WATCHED.map((type) => policy.on(type, (event) => note(attempts, event)));
  const beganMs = performance.now();
  const ending = await run().then(() => ({ result: "ok" }) as const, endingOf);
  const tookMs = Math.round(performance.now() - beganMs);
  for (const off of leave) off();
  return {
    call,
    ...ending,
    tookMs,
    attempts,
    circuit: breaker.state(),
    retriesLeft: budget.available(),
  };
}

function note(attempts: ObservedAttempt[], event: ResilienceEvent): void {
  if (event.type === "attempt.settled") attempts.push({ verdict: event.verdict });
  const last = attempts.at(-1);
  if (event.type === "retry.scheduled" && last !== undefined) last.delayMs = event.delayMs;
}

type Ending = Pick<ObservedCall, "result" | "error" | "report" | "retryAfterMs">;

function endingOf(thrown: unknown): Ending {
  const { code, message } = thrown as Error & { readonly code?: string };
  const ending = { error: code ?? message, report: explainError(thrown) };
  if (!(thrown instanceof BreakwaterError && thrown.isRefusal))
    return { result: "failed", ...ending };
  return { result: "refused", ...ending, retryAfterMs: thrown.retryAfterMs ?? 0 };
}
