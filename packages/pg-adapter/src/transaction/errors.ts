/** Why a transaction ended otherwise than its function did. */
export type TransactionErrorCode =
  /** Nobody can say whether it was committed. */
  | "ERR_COMMIT_UNKNOWN"
  /** A statement had failed, its error was swallowed, and so the server rolled back at COMMIT. */
  | "ERR_ROLLED_BACK"
  /** The client was used after its transaction, or the function ended the transaction itself. */
  | "ERR_TRANSACTION_ENDED";

/** What went wrong with a transaction itself; what its function throws is never replaced. */
export class TransactionError extends Error {
  readonly code: TransactionErrorCode;

  static {
    Object.defineProperty(this.prototype, "name", { value: "TransactionError" });
  }

  constructor(code: TransactionErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/**
 * The connection was lost, or time was up, while COMMIT was on its way: the transaction may be committed or not. It was
 * not repeated. Look whether its effect is there before you do it again; or ask for `resolveCommit: true`.
 *
 * @example
 * try {
 *   await withTransaction(pool, move);
 * } catch (error) {
 *   if (error instanceof CommitUnknownError) await reconcile(error.xid);
 *   else throw error;
 * }
 */
export class CommitUnknownError extends TransactionError {
  /** The transaction's number at the server, where `resolveCommit` was asked for: `pg_xact_status` knows it. */
  declare readonly xid?: string;

  static {
    Object.defineProperty(this.prototype, "name", { value: "CommitUnknownError" });
  }

  constructor(cause: unknown, xid: string | undefined) {
    super(
      "ERR_COMMIT_UNKNOWN",
      "It is unknown whether the transaction was committed: its COMMIT was sent, and no answer came. " +
        "See whether its effect is there before you repeat it.",
      cause,
    );
    if (xid !== undefined) this.xid = xid;
  }
}

export const rolledBack = (cause: unknown): TransactionError =>
  new TransactionError(
    "ERR_ROLLED_BACK",
    "The transaction was rolled back at its COMMIT: a statement had failed before, and its error was not thrown on. " +
      "Nothing of it took effect.",
    cause,
  );

export const endedInside = (): TransactionError =>
  new TransactionError(
    "ERR_TRANSACTION_ENDED",
    "The function of withTransaction ended the transaction itself. Leave COMMIT and ROLLBACK to withTransaction: " +
      "return to commit, throw to roll back.",
  );

export const usedAfterEnd = (): TransactionError =>
  new TransactionError(
    "ERR_TRANSACTION_ENDED",
    "This client belongs to a transaction that has ended. Await all its queries within the function of withTransaction.",
  );
