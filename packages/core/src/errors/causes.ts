const DEEPEST = 10;

/** Is `error` this one, or is it the cause of it, or the cause of its cause? */
export function isCausedBy(error: unknown, cause: unknown): boolean {
  let link = error;
  for (let depth = 0; depth < DEEPEST; depth++) {
    if (link === cause) return true;
    if (typeof link !== "object" || link === null) return false;
    link = causeOf(link);
  }
  return false;
}

/** The first of the error and its causes of which `find` knows something. */
export function firstOfCauses<T>(
  error: unknown,
  find: (link: object) => T | undefined,
): T | undefined {
  let link = error;
  for (let depth = 0; depth < DEEPEST && typeof link === "object" && link !== null; depth++) {
    const found = find(link);
    if (found !== undefined) return found;
    link = causeOf(link);
  }
  return undefined;
}

/** Reading a property runs its getter, and that may throw. */
function causeOf(error: object): unknown {
  try {
    return (error as { cause?: unknown }).cause;
  } catch {
    return undefined;
  }
}
