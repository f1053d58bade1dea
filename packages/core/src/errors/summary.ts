const LONGEST_MESSAGE = 200;

/** An error as plain data, safe to keep and to show to other callers. */
export interface ErrorSummary {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
}

/**
 * Never throws, whatever was thrown: a getter that fails reads as an empty text. fetch and its like say what happened
 * only in their cause: an error without a code has that of what caused it.
 *
 * @param edit what becomes of the whole message before it is cut; what it throws is thrown.
 */
export function summarize(
  error: unknown,
  edit: (message: string) => string = unchanged,
): ErrorSummary {
  if (typeof error !== "object" || error === null)
    return { name: typeof error, message: cut(edit(textFrom(error))) };
  const summary = {
    name: textOf(error, "name") ?? "Error",
    message: cut(edit(textOf(error, "message") ?? statusOf(error))),
  };
  const code = textOf(error, "code") ?? codeOfCause(error);
  return code === undefined ? summary : { ...summary, code };
}

function unchanged(message: string): string {
  return message;
}

/** A response says with its status what an error says with its message. */
function statusOf(error: object): string {
  const status = textOf(error, "status") ?? textOf(error, "statusCode");
  return status === undefined ? "" : `status ${status}`;
}

function codeOfCause(error: object): string | undefined {
  const cause = read(error, "cause");
  return typeof cause === "object" && cause !== null ? textOf(cause, "code") : undefined;
}

function textOf(source: object, property: string): string | undefined {
  const value = read(source, property);
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

function read(source: object, property: string): unknown {
  try {
    return Reflect.get(source, property);
  } catch {
    return undefined;
  }
}

/** A function may have a text of its own, and that may throw. */
function textFrom(thrown: unknown): string {
  return typeof thrown === "function" ? `the function ${thrown.name}` : String(thrown);
}

function cut(text: string): string {
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE - 1)}…` : text;
}
