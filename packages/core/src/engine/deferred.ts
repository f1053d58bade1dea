export type Settle = (outcome: unknown) => void;

export interface Settlers {
  resolve: Settle;
  reject: Settle;
}

let given: Settlers = { resolve: unset, reject: unset };
// One executor for all: a closure per call would cost as much as the promise.
const capture = (resolve: Settle, reject: Settle): void => {
  given.resolve = resolve;
  given.reject = reject;
};

/** A promise that `settlers` settles. */
export function deferred(settlers: Settlers): Promise<unknown> {
  given = settlers;
  return new Promise(capture);
}

/** What a settler is before its promise is made. */
export function unset(): void {}
