import type { VerdictName } from "@breakwater/core";
import type { Aftermath } from "./sqlstates.js";

/** What an error says that does not come from the server. */
export interface ClientError {
  readonly verdict: VerdictName;
  /** It was made before anything went out. */
  readonly unsent: boolean;
  readonly connection: Aftermath;
}

const row = (verdict: VerdictName, unsent: boolean, connection: Aftermath): ClientError => ({
  verdict,
  unsent,
  connection,
});

const LOST = row("transient", false, "all destroyed");
const CONNECT_TIMEOUT = row("timeout", true, "destroyed");
const NOT_SENT = row("transient", true, "all destroyed");

/** Errors that pg makes itself have no code: their text is all there is. */
const BY_MESSAGE: ReadonlyMap<string, ClientError> = new Map([
  ["Connection terminated unexpectedly", LOST],
  ["Connection terminated", LOST],
  ["Connection terminated due to connection timeout", CONNECT_TIMEOUT],
  ["timeout expired", CONNECT_TIMEOUT],
  ["timeout exceeded when trying to connect", CONNECT_TIMEOUT],
  ["Query read timeout", row("timeout", false, "destroyed")],
  ["Client has encountered a connection error and is not queryable", NOT_SENT],
  ["Client was closed and is not queryable", NOT_SENT],
  ["The server does not support SSL connections", row("permanent", true, "destroyed")],
  ["Cannot use a pool after calling end on the pool", row("ignored", true, "kept")],
]);

const NETWORK: ReadonlySet<string> = new Set(
  (
    "ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ENOTFOUND EAI_AGAIN EAI_FAIL EHOSTDOWN EHOSTUNREACH ENETDOWN " +
    "ENETUNREACH ENETRESET EADDRNOTAVAIL EMFILE ENFILE"
  ).split(" "),
);

/** A unix socket that is not there, or whose backlog is full: the server is down, or busy. */
const UNIX_SOCKET: ReadonlySet<string> = new Set(["ENOENT", "EAGAIN"]);

interface Failure {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly message?: unknown;
}

/** Undefined for what neither pg nor the network says. */
export function clientError({ code, syscall, message }: Failure): ClientError | undefined {
  if (typeof code !== "string") return BY_MESSAGE.get(String(message));
  const isConnecting = syscall === "connect" || syscall === "getaddrinfo";
  if (code === "ETIMEDOUT") return row("timeout", isConnecting, "all destroyed");
  if (NETWORK.has(code) || (isConnecting && UNIX_SOCKET.has(code)))
    return isConnecting ? NOT_SENT : LOST;
  return undefined;
}
