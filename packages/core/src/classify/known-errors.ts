import type { VerdictName } from "../verdicts/verdict.js";

/** What an error's `code` or `name` tells. `sent`: could the dependency have processed the request? */
export interface Known {
  readonly verdict: VerdictName;
  readonly sent: boolean;
}

const rows = (verdict: VerdictName, sent: boolean, names: string): [string, Known][] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => [name, { verdict, sent }]);

/**
 * Error codes of Node.js, libuv and undici. A connection that was never made is `unsent`: nothing was processed, so
 * even a task that must not run twice may be repeated.
 */
export const KNOWN_CODES: ReadonlyMap<string, Known> = new Map([
  ...rows("transient", false, "ECONNREFUSED ENOTFOUND EAI_AGAIN EAI_FAIL EHOSTDOWN"),
  ...rows("timeout", false, "UND_ERR_CONNECT_TIMEOUT ERR_SOCKET_CONNECTION_TIMEOUT"),
  ...rows(
    "timeout",
    true,
    "ETIMEDOUT ESOCKETTIMEDOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT",
  ),
  ...rows(
    "transient",
    true,
    "ECONNRESET ECONNABORTED EPIPE ENETDOWN ENETUNREACH EHOSTUNREACH ENETRESET EADDRNOTAVAIL",
  ),
  ...rows(
    "transient",
    true,
    "UND_ERR_SOCKET UND_ERR_RES_CONTENT_LENGTH_MISMATCH UND_ERR_CLOSED UND_ERR_DESTROYED",
  ),
  ...rows(
    "transient",
    true,
    "ERR_STREAM_PREMATURE_CLOSE ERR_HTTP2_STREAM_ERROR ERR_HTTP2_SESSION_ERROR",
  ),
  ...rows("transient", true, "ERR_HTTP2_GOAWAY_SESSION EBUSY EMFILE ENFILE"),
  ...rows(
    "permanent",
    false,
    "CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN",
  ),
  ...rows("permanent", false, "UNABLE_TO_VERIFY_LEAF_SIGNATURE ERR_TLS_CERT_ALTNAME_INVALID"),
  ...rows("permanent", true, "EACCES EPERM ENOENT EEXIST EISDIR ENOTDIR"),
  ...rows("aborted", true, "ABORT_ERR UND_ERR_ABORTED"),
]);

/** These say "not sent" only while connecting: later, the same code may cut off an answer. */
export const UNSENT_WHILE_CONNECTING: ReadonlySet<string> = new Set(
  "ETIMEDOUT ENETDOWN ENETUNREACH EHOSTUNREACH EADDRNOTAVAIL ECONNRESET".split(" "),
);

/** Names that the usual clients and validators give their errors. */
export const KNOWN_NAMES: ReadonlyMap<string, Known> = new Map([
  ...rows("timeout", true, "TimeoutError RequestTimeout RequestTimeoutException"),
  ...rows("aborted", true, "AbortError"),
  ...rows(
    "throttled",
    true,
    "ThrottlingException Throttling ThrottledException TooManyRequestsException",
  ),
  ...rows(
    "throttled",
    true,
    "RequestLimitExceeded SlowDown ProvisionedThroughputExceededException RateLimitError",
  ),
  ...rows("permanent", true, "ValidationError ValidationException ZodError ValiError AjvError"),
  ...rows(
    "permanent",
    true,
    "UnauthorizedError UnauthorizedException ForbiddenError AccessDeniedException AccessDenied",
  ),
  ...rows(
    "permanent",
    true,
    "AuthenticationError AuthorizationError InvalidSignatureException ExpiredTokenException",
  ),
  ...rows(
    "permanent",
    true,
    "NotFoundError NotFoundException ResourceNotFoundException BadRequestError",
  ),
  ...rows(
    "permanent",
    true,
    "BadRequestException ConflictError ConflictException NoSuchKey NoSuchBucket",
  ),
  ...rows("ignored", true, "ReferenceError"),
]);

/**
 * What an HTTP status tells; undefined for one that is no failure. For rules of your own.
 *
 * @example
 * classify({ result: (answer) => verdictOfStatus(answer.code) });
 */
export function verdictOfStatus(status: number): VerdictName | undefined {
  if (status === 429) return "throttled";
  if (status === 408 || status === 425) return "transient";
  if (status === 501 || status === 505) return "permanent";
  if (status >= 500) return "transient";
  return status >= 400 ? "permanent" : undefined;
}
