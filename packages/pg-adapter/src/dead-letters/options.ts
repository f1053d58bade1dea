import { badInput, type Duration, isPlainObject } from "@breakwater/core";
import { aDuration, aFlag, type Checks, checkOptions, msOf } from "../options/check.js";
import { aTable } from "./sql.js";

/** Where the records are kept, and how many. */
export interface TableDeadLettersOptions {
  /**
   * `"dead_letters"` or `"ops.dead_letters"`: names as the database has them, capitals and blanks included, without
   * quotes; each 1 to 63 bytes. Without a schema it is found by the `search_path`.
   */
  readonly table: string;
  /** Makes the table when it is missed first. Default false: have `deadLettersTableSql(table)` run by who may. */
  readonly createTable?: boolean;
  /**
   * So many records are in the table, give or take what other processes write within 10 s; what comes then is dropped,
   * and told. 1 to 1,000,000,000; default 100,000.
   */
  readonly maxRows?: number;
  /**
   * How long a write, a claim or a look may take in all, with connecting and repeating. 1 ms to 24.8 days; default 8 s,
   * which is less than the `writeMs` of `deadLetter`, so that the event tells the reason.
   */
  readonly deadlineMs?: Duration;
}

const MOST_ROWS = 1_000_000_000;

const checks: Checks = {
  table: aTable,
  createTable: aFlag,
  maxRows: {
    expected: "a whole number from 1 to 1,000,000,000",
    holds: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MOST_ROWS,
  },
  deadlineMs: aDuration,
};

/** The same, complete, with durations in milliseconds. */
export interface TableRules {
  readonly table: string;
  readonly createTable: boolean;
  readonly maxRows: number;
  readonly deadlineMs: number;
}

const ROWS = 100_000;
const DEADLINE_MS = 8_000;

/** @throws BreakwaterError `ERR_INVALID_SPEC` */
export function parseTableOptions(given: unknown): TableRules {
  if (!isPlainObject(given)) throw badInput("tableDeadLetters", "an object with options", given);
  checkOptions("tableDeadLetters", checks, given);
  const {
    table,
    createTable = false,
    maxRows = ROWS,
    deadlineMs,
  } = given as Partial<TableDeadLettersOptions>;
  if (table === undefined) throw badInput("tableDeadLetters.table", aTable.expected, table);
  return { table, createTable, maxRows, deadlineMs: msOf(deadlineMs) ?? DEADLINE_MS };
}
