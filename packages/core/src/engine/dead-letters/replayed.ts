const replayed = new WeakSet<object>();

/** This task runs a dead letter again: if it fails, that letter still stands, and no second one is written. */
export function markReplayed(task: object): void {
  replayed.add(task);
}

export function isReplayed(task: object): boolean {
  return replayed.has(task);
}
