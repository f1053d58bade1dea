import type { PolicyOptions, PolicyPart, Said } from "@breakwater/core";
import type { AxiosResponse, InternalAxiosRequestConfig } from "axios";
import type { DeadlineHeader } from "./deadline-header.js";
import { isDeadlineHeader } from "./deadline-header.js";
import { aFlagOrFunction, aFunction, type Checks } from "./check.js";
import type { MakeIdempotencyKey } from "./request-options.js";

/** What an instance may be told about its requests, whatever policy they run under. */
export interface AxiosOptions {
  /**
   * Chooses the circuit and the credit of a request; at most 256 characters. Default: the host. Where it fails or gives
   * no text, a warning says so once, and the host is the key.
   */
  readonly key?: (config: InternalAxiosRequestConfig) => string;
  /**
   * Whether a request may be repeated that may have been processed. Default: by its method, as RFC 9110 has it (GET, HEAD,
   * OPTIONS, TRACE, PUT, DELETE, QUERY), or if it has an `Idempotency-Key`.
   */
  readonly idempotent?: boolean | ((config: InternalAxiosRequestConfig) => boolean);
  /**
   * Gives requests that are not idempotent by their method an `Idempotency-Key`, the same for all attempts, and so lets
   * them be repeated: only for servers that honour it. `true` makes a UUID; a function makes your own. Default false.
   */
  readonly idempotencyKey?: boolean | MakeIdempotencyKey;
  /** Says of a response that was received in good order that it means failure: `true`, or a verdict. */
  readonly isFailure?: (response: AxiosResponse) => boolean | Said;
  /** Tells the server how much time each attempt has. A name alone means milliseconds. Default none. */
  readonly deadlineHeader?: string | DeadlineHeader;
  /**
   * May change the config of each attempt before it is sent, for signatures that must be fresh. What it throws is what
   * the caller gets, and is not held against the host.
   */
  readonly beforeAttempt?: (
    config: InternalAxiosRequestConfig,
    attempt: number,
  ) => void | Promise<void>;
}

/** What `install` takes: the parts of a policy in any order, and at most one object of options. */
export type AxiosPart =
  | Exclude<PolicyPart, PolicyOptions>
  | (Omit<PolicyOptions, "key" | "idempotent" | "scope"> & AxiosOptions);

export const axiosChecks: Checks = {
  key: aFunction,
  idempotent: aFlagOrFunction,
  idempotencyKey: aFlagOrFunction,
  isFailure: aFunction,
  deadlineHeader: {
    expected: "the name of a header, or { name, format: 'ms' | 's' | 'epoch-ms' | 'grpc' }",
    holds: isDeadlineHeader,
  },
  beforeAttempt: aFunction,
};
