import type { Said, VerdictName } from "@breakwater/core";
import { clientError } from "./client-errors.js";
import { type Aftermath, lookUp } from "./sqlstates.js";

/**
 * Where an error arose. `acquire`: nothing of the caller's has been sent. `statement`: a single one, which commits by
 * itself. `read only`: one that may not write. `unproven`: one that may have committed a part of itself, such as a
 * procedure's. `transaction`: one of several that commit together.
 */
export type Phase = "acquire" | "statement" | "read only" | "unproven" | "transaction";

/** What an error of pg means. */
export interface PgJudgement {
  readonly verdict: VerdictName;
  /** Certainly without effect: nothing was sent, or the server has rolled it back. */
  readonly unsent: boolean;
  readonly retryAfterMs: number;
  readonly connection: Aftermath;
}

/** The code of five characters that the server gave; undefined for what did not come from a server. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = fieldsOf(error);
  return typeof code === "string" && typeof severity === "string" && code.length === 5
    ? code
    : undefined;
}

/** Undefined for an error that neither the server, nor pg, nor the network makes: the default rules know better. */
export function judgePgError(error: unknown, phase: Phase): PgJudgement | undefined {
  const code = sqlStateOf(error);
  return code === undefined ? judgeClientError(error, phase) : judgeSqlState(code, error, phase);
}

/** The same, as core takes it. */
export function sayOf(judgement: PgJudgement | undefined): Said {
  if (judgement === undefined) return undefined;
  const { verdict, unsent, retryAfterMs } = judgement;
  return { verdict, unsent, retryAfterMs };
}

function judgeSqlState(code: string, error: unknown, phase: Phase): PgJudgement {
  const { verdict, undone, connection, retryAfterMs } = lookUp(code);
  // Whoever asked the server to refuse writes gets what was asked for: that is no failover.
  if (code === "25006" && phase === "read only")
    return { verdict: "permanent", unsent: false, connection: "kept", retryAfterMs };
  return {
    verdict: isStatementTimeout(code, error) ? "timeout" : verdict,
    unsent: phase === "acquire" || (undone && (phase === "statement" || phase === "read only")),
    connection,
    retryAfterMs,
  };
}

/** The same code stands for a cancel that somebody asked for. */
function isStatementTimeout(code: string, error: unknown): boolean {
  return code === "57014" && /statement timeout/.test(String(fieldsOf(error).message));
}

function judgeClientError(error: unknown, phase: Phase, depth = 0): PgJudgement | undefined {
  const fields = fieldsOf(error);
  const known = clientError(fields) ?? judgeAll(fields.errors, phase, depth);
  if (known === undefined) return undefined;
  const { verdict, connection } = known;
  const unsent = phase === "acquire" || (known.unsent && phase !== "transaction");
  return { verdict, connection, unsent, retryAfterMs: 0 };
}

/** A host with several addresses, none of which answers. */
function judgeAll(errors: unknown, phase: Phase, depth: number): PgJudgement | undefined {
  if (!Array.isArray(errors) || depth > 1) return undefined;
  return errors.map((error) => judgeClientError(error, phase, depth + 1)).find(Boolean);
}

interface Fields {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly message?: unknown;
  readonly severity?: unknown;
  readonly errors?: unknown;
}

function fieldsOf(error: unknown): Fields {
  return typeof error === "object" && error !== null ? error : {};
}
