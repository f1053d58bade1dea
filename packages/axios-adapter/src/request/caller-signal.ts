import { runningCall } from "@breakwater/core";
import type { InternalAxiosRequestConfig } from "axios";

/** Whoever may give a request up: its caller by signal or cancel token, or the call around it. */
export interface Caller {
  readonly signal: AbortSignal | undefined;
  /** Lets go of a cancel token. There only if there is one. */
  readonly release: (() => void) | undefined;
}

export function callerOf({ signal, cancelToken }: InternalAxiosRequestConfig): Caller {
  const token = cancelToken === undefined ? undefined : signalOf(cancelToken);
  const signals = [signal as AbortSignal | undefined, token?.signal, runningCall()?.signal].filter(
    (one) => one !== undefined && one !== null,
  );
  return {
    signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
    release: token?.release,
  };
}

/** A cancel token as axios has it, and does not say in its types. */
interface CancelToken {
  subscribe(listener: (reason: unknown) => void): void;
  unsubscribe(listener: (reason: unknown) => void): void;
}

function signalOf(token: CancelToken): Required<Caller> {
  const controller = new AbortController();
  const abort = (reason: unknown): void => controller.abort(reason);
  token.subscribe(abort);
  return { signal: controller.signal, release: () => token.unsubscribe(abort) };
}
