import type { Call } from "@breakwater/core";
import type { InternalAxiosRequestConfig } from "axios";
import type { RequestReport } from "../options/report.js";

type ConfigSignal = InternalAxiosRequestConfig["signal"];

/** The report of a request that can tell the signal of the attempt which runs. */
export interface SignalSource extends RequestReport {
  signalFor(config: InternalAxiosRequestConfig): ConfigSignal;
}

/**
 * Lets an adapter have its attempt's signal by the config that it gets. A signal costs an AbortController, so it is made
 * when it is read: an adapter that answers by itself reads none.
 */
export function lendSignal(config: InternalAxiosRequestConfig): void {
  Object.defineProperty(config, "signal", lending);
}

const PLAIN = { enumerable: true, configurable: true, writable: true };

/** One for all: V8 puts the functions of an accessor, and with them all that they know, where few collections look. */
const lending = {
  get(this: InternalAxiosRequestConfig): ConfigSignal {
    return (this.resilience?.report as SignalSource | undefined)?.signalFor(this);
  },
  set(this: InternalAxiosRequestConfig, value: ConfigSignal): void {
    Object.defineProperty(this, "signal", { ...PLAIN, value });
  },
  enumerable: true,
  configurable: true,
};

/** An attempt is over once its headers are there, but whoever reads its stream may still give up. */
export function signalOf(
  { signal }: Call,
  { responseType }: InternalAxiosRequestConfig,
  callers: AbortSignal | undefined,
): AbortSignal {
  const outlivesCall = responseType === "stream" && callers !== undefined && signal !== callers;
  return outlivesCall ? AbortSignal.any([signal, callers]) : signal;
}
