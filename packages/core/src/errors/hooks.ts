/**
 * What a user's hook returned, when an answer at once was expected: a promise is no answer, and its rejection must not
 * become anybody's unhandled rejection.
 */
export function ignoreRejection(returned: unknown): void {
  if (returned instanceof Promise) returned.catch(() => {});
}
