import type { VerdictName } from "@breakwater/core";

/** What becomes of the connection that an error came on, and of those beside it that are idle. */
export type Aftermath = "kept" | "destroyed" | "all destroyed";

/** What the server means by an error code. */
export interface SqlState {
  /** A code of five characters, or a class of two that holds for all its other codes. */
  readonly code: string;
  /** As the manual of PostgreSQL has it, in its appendix A. */
  readonly name: string;
  readonly verdict: VerdictName;
  /** The server says so after it has rolled the statement back: it may be repeated, whatever it was. */
  readonly undone: boolean;
  readonly connection: Aftermath;
  /** How long to leave the server alone beside the usual delay. */
  readonly retryAfterMs: number;
}

type Traits = Partial<Pick<SqlState, "undone" | "connection" | "retryAfterMs">>;

const state = (
  code: string,
  name: string,
  verdict: VerdictName,
  { undone = false, connection = "kept", retryAfterMs = 0 }: Traits = {},
): SqlState => ({ code, name, verdict, undone, connection, retryAfterMs });

const UNDONE: Traits = { undone: true };
const LOST: Traits = { connection: "destroyed" };
/** The server goes down, or is no primary any more: what is idle leads to the same place. */
const MOVED: Traits = { connection: "all destroyed" };
const FULL_MS = 500;

/**
 * Every code that says more than "your statement is wrong", and the classes of all others. Contention is `throttled`: it
 * is worth repeating, more slowly, and no sign of an outage. The guide's table is made from it.
 *
 * @public
 */
export const SQLSTATES: readonly SqlState[] = [
  state("03", "SQL statement not yet complete", "permanent"),
  state("08", "connection exception", "transient", LOST),
  state("08001", "unable to establish connection", "transient", { ...LOST, undone: true }),
  state("08003", "connection does not exist", "transient", { ...LOST, undone: true }),
  state("08004", "server rejected the connection", "transient", { ...LOST, undone: true }),
  state("08007", "transaction resolution unknown", "transient", LOST),
  state("08P01", "protocol violation", "permanent", LOST),
  state("09", "triggered action exception", "permanent"),
  state("0A", "feature not supported", "permanent", LOST), // also "cached plan must not change result type": a fresh connection has no cached plan
  state("21", "cardinality violation", "permanent"),
  state("22", "data exception", "permanent"),
  state("23", "integrity constraint violation", "permanent"),
  state("23505", "unique violation", "permanent"),
  state("24", "invalid cursor state", "permanent"),
  state("25", "invalid transaction state", "permanent"),
  state("25006", "read-only SQL transaction", "transient", { ...MOVED, undone: true }),
  state("25P02", "in failed SQL transaction", "permanent"),
  state("25P03", "idle in transaction session timeout", "transient", LOST),
  state("25P04", "transaction timeout", "timeout", LOST),
  state("26", "invalid SQL statement name", "permanent", LOST), // it was prepared on another connection
  state("28", "invalid authorization specification", "permanent"),
  state("2D", "invalid transaction termination", "permanent"),
  state("3D", "invalid catalog name", "permanent"),
  state("40", "transaction rollback", "throttled", UNDONE),
  state("40001", "serialization failure", "throttled", UNDONE),
  state("40002", "transaction integrity constraint violation", "permanent"),
  state("40003", "statement completion unknown", "transient"),
  state("40P01", "deadlock detected", "throttled", UNDONE),
  state("42", "syntax error or access rule violation", "permanent"),
  state("42P05", "duplicate prepared statement", "permanent", LOST),
  state("53", "insufficient resources", "throttled", UNDONE),
  state("53100", "disk full", "permanent"),
  state("53200", "out of memory", "permanent"),
  state("53300", "too many connections", "throttled", { undone: true, retryAfterMs: FULL_MS }),
  state("53400", "configuration limit exceeded", "permanent"),
  state("54", "program limit exceeded", "permanent"),
  state("55", "object not in prerequisite state", "permanent"),
  state("55006", "object in use", "throttled", UNDONE),
  state("55P03", "lock not available", "throttled", UNDONE),
  state("57", "operator intervention", "transient", LOST),
  state("57014", "query canceled", "permanent"),
  state("57P01", "admin shutdown", "transient", MOVED),
  state("57P02", "crash shutdown", "transient", MOVED),
  state("57P03", "cannot connect now", "transient", { ...MOVED, undone: true }),
  state("57P04", "database dropped", "permanent", LOST),
  state("57P05", "idle session timeout", "transient", LOST),
  state("58", "system error", "transient"),
  state("72", "snapshot too old", "throttled", UNDONE),
  state("P0", "PL/pgSQL error", "permanent"),
  state("XX", "internal error", "transient", LOST),
  state("XX001", "data corrupted", "permanent", LOST),
  state("XX002", "index corrupted", "permanent", LOST),
];

const BY_CODE: ReadonlyMap<string, SqlState> = new Map(SQLSTATES.map((row) => [row.code, row]));

/** What functions raise with codes of their own. The server has answered, and is well. */
const OTHER = state("", "any other", "permanent");

export function lookUp(code: string): SqlState {
  return BY_CODE.get(code) ?? BY_CODE.get(code.slice(0, 2)) ?? OTHER;
}
