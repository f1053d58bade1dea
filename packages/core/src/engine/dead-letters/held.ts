/** Sends the record of a call to its sink. */
export type Send = () => void;

const holders = new WeakMap<object, (send: Send) => void>();

/**
 * Whoever may run this task again where its retry was refused, as a batch does, holds the record of such a call until
 * that is decided: a replay must not run what has succeeded meanwhile.
 */
export function holdRefused(task: object, hold: (send: Send) => void): void {
  holders.set(task, hold);
}

export function holderOf(task: object): ((send: Send) => void) | undefined {
  return holders.get(task);
}
