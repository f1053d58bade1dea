import type { Said } from "@breakwater/core";
import type { AxiosError } from "axios";
import { withCauses } from "./causes.js";
import { judgeStatus } from "./judge-status.js";
import { isOwnFailure } from "./own-failures.js";

/** What axios itself says with its codes, where no response failed. */
const OF_AXIOS: Readonly<Record<string, Said>> = {
  ERR_CANCELED: "aborted",
  ERR_INVALID_URL: "ignored",
  ERR_BAD_OPTION: "ignored",
  ERR_BAD_OPTION_VALUE: "ignored",
  ERR_NOT_SUPPORT: "ignored",
  ERR_DEPRECATED: "ignored",
  ERR_FORM_DATA_DEPTH_EXCEEDED: "ignored",
  ERR_FR_MAX_BODY_LENGTH_EXCEEDED: "ignored",
  ERR_BAD_REQUEST: "ignored",
  ERR_FR_TOO_MANY_REDIRECTS: "permanent",
  ERR_FR_REDIRECTION_FAILURE: "permanent",
};

/** What an error of axios means. The rest is left to the default rules, which know Node.js and undici. */
export function judgeError(error: unknown): Said {
  if (isOwnFailure(error)) return "ignored";
  if (!isAxiosError(error)) return undefined;
  const { response, code = "" } = error;
  const byStatus = response && judgeStatus(response);
  if (byStatus !== undefined) return byStatus;
  return OF_AXIOS[code] ?? judgeBody(error) ?? judgeSocket(error);
}

/** By its mark, as axios itself does, since there may be several copies of it. */
function isAxiosError(error: unknown): error is AxiosError {
  return typeof error === "object" && error !== null && "isAxiosError" in error;
}

/**
 * An answer whose status is no failure: a redirect that nobody follows, a body that is longer than this caller wants; or
 * one that was cut off midway, which axios 1.7 also calls too long. The `http` adapter does not say whether that was by
 * its own timeout.
 */
function judgeBody({ code, message, config }: AxiosError): Said {
  const isTooLong = message.startsWith("maxContentLength") && config?.maxContentLength !== -1;
  if (isTooLong || message.startsWith("Request failed with status code")) return "permanent";
  if (code !== "ERR_BAD_RESPONSE") return undefined;
  return hadItsTime(config) ? "timeout" : "transient";
}

/** By another clock than that of the timer, which may be a millisecond ahead. */
function hadItsTime(config: AxiosError["config"]): boolean {
  const { durationMs = 0 } = config?.resilience?.report?.attempts.at(-1) ?? {};
  return durationMs + 1 >= (config?.timeout || Infinity);
}

function judgeSocket(error: AxiosError): Said {
  if (withCauses(error).some(isTooManyRedirects)) return "permanent";
  const isTimeout = error.code === "ETIMEDOUT" || /timeout/i.test(error.message);
  const calls = withCauses(error).filter(({ syscall }) => syscall !== undefined);
  if (calls.length > 0 && calls.every(isConnecting))
    return { verdict: isTimeout ? "timeout" : "transient", unsent: true };
  if (error.code === "ECONNABORTED") return isTimeout ? "timeout" : "transient";
  return error.code === "ERR_NETWORK" && !hasCode(error.cause) ? "transient" : undefined;
}

function isConnecting({ syscall }: { readonly syscall?: unknown }): boolean {
  return syscall === "connect" || syscall === "getaddrinfo";
}

/** As undici says it: without a code. */
function isTooManyRedirects({ message }: { readonly message?: unknown }): boolean {
  return message === "redirect count exceeded";
}

function hasCode(error: unknown): boolean {
  return withCauses(error).some(({ code }) => typeof code === "string");
}
