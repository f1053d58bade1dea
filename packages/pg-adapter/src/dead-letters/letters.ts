import type { DeadLetterRecord, ErrorSummary } from "@breakwater/core";
import type { StoredDeadLetter } from "@breakwater/core/dead-letters";
import type { Row } from "./session.js";

/** JSON that any encoding of a database can hold. */
export function asAscii(value: DeadLetterRecord | ErrorSummary): string {
  return JSON.stringify(value).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Undefined for a row whose record is none: somebody has changed it. */
export function letterOf(row: Row): StoredDeadLetter | undefined {
  const record = parsed(row["record"]);
  if (!isRecord(record) || record.id !== row["id"]) return undefined;
  const lastError = parsed(row["last_error"]);
  const failures = Number(row["failures"]);
  return isSummary(lastError) ? { record, failures, lastError } : { record, failures };
}

function parsed(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is DeadLetterRecord {
  const { version, policy, at, attempts, error, payload } = fieldsOf(value);
  const isOurs = version === 1 && typeof policy === "string" && typeof at === "number";
  return isOurs && Array.isArray(attempts) && isSummary(error) && payload !== undefined;
}

function isSummary(value: unknown): value is ErrorSummary {
  const { name, message } = fieldsOf(value);
  return typeof name === "string" && typeof message === "string";
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
