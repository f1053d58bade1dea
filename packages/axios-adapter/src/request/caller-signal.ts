import { runningCall } from "@breakwater/core";
import type { InternalAxiosRequestConfig } from "axios";

/** Whoever may give a request up: its caller by signal or cancel token, or the call around it. */
export interface Caller {
  readonly signal: AbortSignal | undefined;
  /** Begun inside a call, whose time limits hold for it. */
  readonly isInside: boolean;
  /** Lets go of a cancel token. There only if there is one. */
  readonly release: (() => void) | undefined;
}

const NOBODY: Caller = { signal: undefined, isInside: false, release: undefined };

export function callerOf({ signal, cancelToken }: InternalAxiosRequestConfig): Caller {
  const own = (signal ?? undefined) as AbortSignal | undefined;
  const around = runningCall();
  if (around === undefined && cancelToken === undefined)
    return own === undefined ? NOBODY : { signal: own, isInside: false, release: undefined };
  const token = cancelToken === undefined ? undefined : signalOf(cancelToken);
  const signals = [own, token?.signal, around?.signal].filter((one) => one !== undefined);
  return {
    signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
    isInside: around !== undefined,
    release: token?.release,
  };
}

/** A cancel token as axios has it, and does not say in its types. */
interface CancelToken {
  subscribe(listener: (reason: unknown) => void): void;
  unsubscribe(listener: (reason: unknown) => void): void;
}

function signalOf(token: CancelToken): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const abort = (reason: unknown): void => controller.abort(reason);
  token.subscribe(abort);
  return { signal: controller.signal, release: () => token.unsubscribe(abort) };
}
