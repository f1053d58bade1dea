const DEEPEST = 10;

/** What an error may tell of the socket behind it. */
export interface Failure {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly syscall?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** The error and all that caused it; of an aggregate, what it holds. */
export function withCauses(error: unknown, depth = 0): Failure[] {
  if (typeof error !== "object" || error === null || depth > DEEPEST) return [];
  const { cause, errors } = error as Failure;
  const held = Array.isArray(errors) ? errors : [];
  return [error, ...[cause, ...held].flatMap((inner) => withCauses(inner, depth + 1))];
}
