import { BreakwaterError, type Issue } from "@breakwater/core";

/** One error for what cannot work: what, where, received, and what to do. */
export function badInput(path: string, expected: string, value: unknown, hint?: string): Error {
  const issue: Issue = { path, expected, received: shown(value), ...(hint && { hint }) };
  const advice = hint === undefined ? "" : `. ${hint}`;
  return new BreakwaterError(
    "ERR_INVALID_SPEC",
    `Invalid options, 1 problem:\n  ${path}: expected ${expected}, received ${issue.received}${advice}`,
    { issues: [issue] },
  );
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return `the function ${value.name || "(without a name)"}`;
  if (typeof value !== "object" || value === null) return String(value);
  return `an object with ${Object.keys(value).slice(0, 5).join(", ") || "nothing in it"}`;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
