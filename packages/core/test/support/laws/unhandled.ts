/**
 * The rejections that nobody handled while `body` ran. The test runner's own listeners, which would fail the run, are
 * put aside meanwhile.
 */
export async function unhandledDuring(body: () => unknown): Promise<readonly unknown[]> {
  const aside = process.rawListeners("unhandledRejection") as NodeJS.UnhandledRejectionListener[];
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", note);
  try {
    await body();
    // Node tells of them after the microtasks of the turn in which they were made.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("unhandledRejection", note);
    for (const listener of aside) process.on("unhandledRejection", listener);
  }
  return unhandled;
}
