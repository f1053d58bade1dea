export type Settle = (outcome: unknown) => void;

export interface Settlers {
  resolve: Settle;
  reject: Settle;
}

/** Between two promises: the last call must not be kept alive by this file. */
const NOBODY: Settlers = { resolve: unset, reject: unset };

let given = NOBODY;
// One executor for all: a closure per call would cost as much as the promise.
const capture = (resolve: Settle, reject: Settle): void => {
  given.resolve = resolve;
  given.reject = reject;
};

/** A promise that `settlers` settles. */
export function deferred(settlers: Settlers): Promise<unknown> {
  given = settlers;
  const promise = new Promise<unknown>(capture);
  given = NOBODY;
  return promise;
}

/** What a settler is before its promise is made. */
export function unset(): void {}
