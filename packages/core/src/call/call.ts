import { AsyncLocalStorage } from "node:async_hooks";
import { BreakwaterError } from "../errors/errors.js";
import type { Duration } from "../time/duration.js";
import type { OutcomeRules } from "../verdicts/said.js";

/** What a task may know of the call it runs in. */
export interface Call {
  /** Aborted when the caller gives up or this attempt runs out of time. Pass it to whatever can be cancelled. */
  readonly signal: AbortSignal;
  /** Which attempt this is, counted from 1. */
  readonly attempt: number;
  /** Milliseconds until this attempt is cut off; undefined where nothing limits it. */
  readonly remainingMs: number | undefined;
  /** The key that chose the circuit and the credit, where the policy has keys. */
  readonly key: string | undefined;
  /** The name of the policy. */
  readonly policy: string;
  /** The same UUID for all attempts of this call: what an `Idempotency-Key` header wants. */
  readonly idempotencyKey: string;
}

/** What one call may ask for, beside what its policy says. */
export interface CallOptions {
  /** The caller's own signal. Its abort is honoured at once, and is nobody's failure. */
  readonly signal?: AbortSignal | undefined;
  /** Chooses the circuit and the credit; instead of the policy's `key` function. At most 256 characters. */
  readonly key?: string | undefined;
  /** Time for the whole call; the shorter of this and the policy's own deadline holds. 0 and more. */
  readonly deadlineMs?: Duration | undefined;
  /** Whether this call may be repeated after it may have been processed; instead of the policy's `idempotent`. */
  readonly idempotent?: boolean | undefined;
  /** Attempts in all, the first one included; the lesser of this and what the policy's retry allows holds. 1 to 100. */
  readonly maxAttempts?: number | undefined;
  /** What outcomes of this call mean; asked where the policy's own rules say nothing, before the default ones. */
  readonly classify?: OutcomeRules | undefined;
}

/** Whoever runs a task: a plan's scope, an attempt, or a `withCall` block. */
export interface Frame {
  /** The options that a decorated call started in this block gets. */
  readonly callOptions: CallOptions | undefined;
  /** The call as the task sees it: made when somebody asks. */
  toCall(): (Call & Frame) | undefined;
}

// Set around the synchronous start of each task (2 ns), where a context that follows every `await` would cost 150.
let running: Frame | undefined;

/** Marks `frame` as running; give what it returns to `leave`. */
export function enter(frame: Frame): Frame | undefined {
  const outer = running;
  running = frame;
  return outer;
}

/** Gives what was running: the frame that was entered, or the call that has taken its place. */
export function leave(outer: Frame | undefined): Frame | undefined {
  const left = running;
  running = outer;
  return left;
}

/** The frame whose synchronous start this is, if any. */
export function runningFrame(): Frame | undefined {
  return running;
}

/** The call whose synchronous start this is. A frame that many calls share is replaced by this one, for whoever asks next. */
export function startingCall(): (Call & Frame) | undefined {
  const call = running?.toCall();
  if (call !== undefined && running?.callOptions === undefined) running = call;
  return call;
}

let contexts: AsyncLocalStorage<Call & Frame> | undefined;

/** Runs a task so that `currentCall()` holds after each `await`, too, and calls that it begins later know where they belong. */
export function runInContext<T>(call: Call & Frame, start: () => T): T {
  contexts ??= new AsyncLocalStorage<Call & Frame>();
  return contexts.run(call, start);
}

/** The call in whose context this runs, if any. */
export function callInContext(): (Call & Frame) | undefined {
  return contexts?.getStore();
}

/**
 * The call that is running: its signal, attempt, key. For decorated and wrapped methods, which get no call object.
 *
 * Read it before the first `await`; it costs nothing there. With `context: true` in the policy's options it also works
 * later, at about 150 ns a call.
 *
 * @throws BreakwaterError `ERR_NO_CALL` where no call is running, or after an `await` without a context.
 * @example
 * class Rates {
 *   \@Resilient(breaker, timeout("2s"))
 *   async latest(base: string): Promise<Quote> {
 *     const { signal } = currentCall();
 *     const response = await fetch(`https://rates.example/${base}`, { signal });
 *     return response.json();
 *   }
 * }
 */
export function currentCall(): Call {
  const call = runningCall();
  if (call !== undefined) return call;
  throw new BreakwaterError(
    "ERR_NO_CALL",
    "currentCall() was read outside a call. Read it before the first await of a decorated or wrapped method, " +
      "or give the policy `context: true` to read it later.",
  );
}

/**
 * The same as `currentCall()`, but undefined where no call is running: for helpers that work inside a call and outside.
 *
 * @example
 * const signal = runningCall()?.signal;
 */
export function runningCall(): Call | undefined {
  return startingCall() ?? callInContext();
}

class OptionsFrame implements Frame {
  readonly callOptions: CallOptions;
  #outer: Frame | undefined;

  constructor(options: CallOptions, outer: Frame | undefined) {
    this.callOptions = options;
    this.#outer = outer;
  }

  toCall(): (Call & Frame) | undefined {
    const call = this.#outer?.toCall();
    if (this.#outer?.callOptions === undefined) this.#outer = call;
    return call;
  }

  /** What was running before this block; if that has been asked for its call, this call. */
  get outer(): Frame | undefined {
    return this.#outer;
  }
}

/**
 * Gives options to the decorated and wrapped calls that `fn` starts synchronously: their signal, key, deadline.
 *
 * @example
 * const quote = await withCall({ signal: request.signal }, () => rates.latest("EUR"));
 */
export function withCall<T>(options: CallOptions, fn: () => T): T {
  const around = running?.callOptions;
  const frame = new OptionsFrame(
    around === undefined ? options : { ...around, ...options },
    running,
  );
  enter(frame);
  try {
    return fn();
  } finally {
    leave(frame.outer);
  }
}
