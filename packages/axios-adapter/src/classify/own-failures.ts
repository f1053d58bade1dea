const own = new WeakSet<object>();

/** What the user's own code threw before anything was sent: nobody's outage. */
export function markOwnFailure(error: unknown): void {
  if (typeof error === "object" && error !== null) own.add(error);
}

export function isOwnFailure(error: unknown): boolean {
  return typeof error === "object" && error !== null && own.has(error);
}
