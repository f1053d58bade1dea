const LONGEST_MESSAGE = 200;

/** An error as plain data, safe to keep and to show to other callers. */
export interface ErrorSummary {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
}

/** Never throws, whatever was thrown: a getter that fails reads as an empty text. */
export function summarize(error: unknown): ErrorSummary {
  if (typeof error !== "object" || error === null)
    return { name: typeof error, message: cut(String(error)) };
  const code = textOf(error, "code");
  const summary = {
    name: textOf(error, "name") ?? "Error",
    message: cut(textOf(error, "message") ?? ""),
  };
  return code === undefined ? summary : { ...summary, code };
}

function textOf(source: object, property: string): string | undefined {
  try {
    const value = Reflect.get(source, property) as unknown;
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  } catch {
    return undefined;
  }
}

function cut(text: string): string {
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE - 1)}…` : text;
}
