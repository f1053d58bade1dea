import { BreakwaterError } from "@breakwater/core";
import { sqlStateOf } from "../classify/judge.js";
import { quoted } from "./sql.js";

/** The table of dead letters is not there, or cannot be made. `cause` is what the server said. */
export class DeadLetterTableError extends Error {
  readonly code = "ERR_DEAD_LETTER_TABLE";
  /** As it was given. */
  readonly table: string;

  static {
    Object.defineProperty(this.prototype, "name", { value: "DeadLetterTableError" });
  }

  constructor(table: string, message: string, cause: unknown) {
    super(message, { cause });
    this.table = table;
  }
}

const UNDEFINED_TABLE = "42P01";
const UNDEFINED_COLUMN = "42703";
/**
 * `if not exists` looks first and takes the name later: of two who make it at once, one has its name taken away in the
 * catalogue. By then the other has committed.
 */
const MADE_MEANWHILE: readonly (string | undefined)[] = ["23505", "42P07", "42710"];

export function isMissingTable(error: unknown): boolean {
  return sqlStateOf(error) === UNDEFINED_TABLE;
}

export function isMadeMeanwhile(error: unknown): boolean {
  return MADE_MEANWHILE.includes(sqlStateOf(error));
}

/** The same error for all but what a look at the table's definition would cure. */
export function explained(table: string, error: unknown): unknown {
  const name = quoted(table);
  const cure = `Run the SQL of deadLettersTableSql(${JSON.stringify(table)})`;
  switch (sqlStateOf(error)) {
    case UNDEFINED_TABLE:
      return new DeadLetterTableError(
        table,
        `There is no table ${name}. ${cure}, or give tableDeadLetters createTable: true.`,
        error,
      );
    case UNDEFINED_COLUMN:
      return new DeadLetterTableError(
        table,
        `The table ${name} is none of dead letters: it lacks a column. Name another. ${cure} for that.`,
        error,
      );
    default:
      return error;
  }
}

export function notMade(table: string, error: unknown): DeadLetterTableError {
  const { message } = error as Error;
  return new DeadLetterTableError(
    table,
    `The table ${quoted(table)} could not be made: ${message}. Have who may run the SQL of deadLettersTableSql(${JSON.stringify(table)}).`,
    error,
  );
}

export function tableFull(table: string, maxRows: number): BreakwaterError {
  return new BreakwaterError(
    "ERR_SINK_FULL",
    `The table ${quoted(table)} holds its ${maxRows} dead letters (maxRows). Replay them, or raise it.`,
  );
}
