/** As the promise, or rejected when it takes longer. */
export function within<T>(
  ms: number,
  promise: Promise<T>,
  late = `no answer within ${ms} ms`,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(late)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** As the promise, or rejected with the signal's reason if that comes first. It listens no longer than it waits. */
export function orAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
