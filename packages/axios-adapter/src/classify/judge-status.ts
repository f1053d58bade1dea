import { retryAfterMsOf, type Said, verdictOfStatus } from "@breakwater/core";
import type { AxiosResponse } from "axios";

/**
 * What a status means. A server that says when to come back has not done what it was asked: that makes 429 and 503 with
 * a Retry-After safe to repeat, whatever the method.
 */
export function judgeStatus({ status, headers }: AxiosResponse): Said {
  const verdict = verdictOfStatus(status);
  if (verdict === undefined || verdict === "permanent") return verdict;
  const retryAfterMs = retryAfterMsOf(fieldOf(headers, "retry-after"));
  return retryAfterMs === 0
    ? verdict
    : { verdict, retryAfterMs, unsent: status === 429 || status === 503 };
}

/** Mocks and custom adapters give plain objects, or nothing. */
function fieldOf(headers: unknown, name: string): unknown {
  if (typeof headers !== "object" || headers === null) return undefined;
  const { get } = headers as { get?: (name: string) => unknown };
  return typeof get === "function" ? get.call(headers, name) : Reflect.get(headers, name);
}
