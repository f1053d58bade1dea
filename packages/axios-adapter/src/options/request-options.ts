import { badInput, type Duration, isPlainObject, type Policy } from "@breakwater/core";
import type { InternalAxiosRequestConfig } from "axios";
import type { RequestReport } from "./report.js";
import { aFlag, aFlagOrFunction, aFunction, aKey, checkOptions, type Checks } from "./check.js";

/** What makes the `Idempotency-Key` of a request. */
export type MakeIdempotencyKey = (config: InternalAxiosRequestConfig) => string;

/** What one request may ask for: `client.get(url, { resilience: { maxAttempts: 1 } })`. */
export interface RequestResilience {
  /** Another policy for this request, or the name of one. Its circuit and budget are used then. */
  readonly policy?: Policy | string;
  /** Chooses circuit and credit, instead of the host. 1 to 256 characters. */
  readonly key?: string;
  /** Whether it may be repeated after it may have been processed; instead of what its method says. */
  readonly idempotent?: boolean;
  /** As the option of `install`, for this request. */
  readonly idempotencyKey?: boolean | MakeIdempotencyKey;
  /** Time for the whole request with its retries; a shorter deadline of the policy or around it holds. 0 and more. */
  readonly deadlineMs?: Duration;
  /** Attempts in all; the lesser of this and what the policy allows holds. 1 to 100. */
  readonly maxAttempts?: number;
  /** Makes the body of each attempt, so that a request with a stream can be repeated. It takes the place of `data`. */
  readonly body?: () => unknown;
  /** Sends it as if nothing were installed. Default false. */
  readonly off?: boolean;
  /** On the config of a response or an error: what came of the attempts. Not to be given. */
  readonly report?: RequestReport;
}

declare module "axios" {
  export interface AxiosRequestConfig {
    /** What this request asks of Breakwater, where that is installed. */
    resilience?: RequestResilience;
  }
}

const checks: Checks = {
  policy: {
    expected: "a policy, or the name of one",
    holds: (value) =>
      typeof value === "string" || typeof (value as Partial<Policy>).execute === "function",
  },
  key: aKey,
  idempotent: aFlag,
  idempotencyKey: aFlagOrFunction,
  deadlineMs: {
    expected: "a duration: milliseconds, or a text such as '2s'",
    holds: (value) => (typeof value === "number" ? value >= 0 : /^\d/.test(String(value))),
  },
  maxAttempts: {
    expected: "a whole number from 1 to 100",
    holds: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 100,
  },
  body: aFunction,
  off: aFlag,
  report: { expected: "nothing", holds: () => true },
};

/** For requests that ask for nothing. */
export const NOTHING: RequestResilience = Object.freeze({});

/** @throws BreakwaterError `ERR_INVALID_SPEC` */
export function parseRequestOptions(given: unknown): RequestResilience {
  if (given === undefined || given === null) return NOTHING;
  if (!isPlainObject(given))
    throw badInput(
      "config.resilience",
      "an object with options",
      given,
      "{ off: true } sends it unprotected",
    );
  checkOptions("config.resilience", checks, given);
  return given;
}
