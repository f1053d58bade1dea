/**
 * No amplification between layers: three nested policies of three attempts shall make 3 requests, not 27. A policy that
 * has given up on an error marks it; an outer attempt that fails with a marked error is not repeated, if the inner call
 * ran inside it.
 *
 * Inside is certain when the inner call began in the synchronous start of the outer task. A call that began later has
 * no known parent; it counts as inside when it began after the attempt did and gave up in this very turn of the event
 * loop, which is how a rejection travels through `await`. So an error object that many calls share (a prebuilt one, or
 * a shared rejected promise) does not take its retries from a call that has nothing to do with whoever gave up.
 */
const givenUp = new WeakMap<object, Nested & { readonly turn: number }>();

const DEEPEST_CAUSE = 10;
const nextTurn = globalThis.setImmediate;

let moments = 0;
let turn = 0;
let turnEnds = false;

/** The next moment in the order of things: calls and attempts keep the one in which they began. */
export function moment(): number {
  return ++moments;
}

/** A call, as far as its nesting is known. */
export interface Nested {
  readonly began: number;
  readonly parent: Attempting | undefined;
}

/** An attempt that calls may be nested in. */
export interface Attempting {
  readonly began: number;
  readonly call: Nested;
}

/** Marks the error that `call` gave up on. */
export function markGivenUp(error: unknown, { began, parent }: Nested): void {
  if (typeof error !== "object" || error === null) return;
  givenUp.set(error, { began, parent, turn });
  if (turnEnds) return;
  turnEnds = true;
  nextTurn(() => {
    turn++;
    turnEnds = false;
  }).unref();
}

/** Has a call inside this attempt given up on the error, or on what caused it? */
export function gaveUpInside(error: unknown, attempt: Attempting): boolean {
  let link = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && typeof link === "object" && link !== null; depth++) {
    const call = givenUp.get(link);
    if (call !== undefined && isInside(call, attempt)) return true;
    link = causeOf(link);
  }
  return false;
}

/** Reading a property runs its getter, and that may throw. */
function causeOf(error: object): unknown {
  try {
    return (error as { cause?: unknown }).cause;
  } catch {
    return undefined;
  }
}

function isInside(call: Nested & { readonly turn: number }, attempt: Attempting): boolean {
  let top: Nested = call;
  for (; top.parent !== undefined; top = top.parent.call) if (top.parent === attempt) return true;
  return top.began > attempt.began && call.turn === turn;
}
