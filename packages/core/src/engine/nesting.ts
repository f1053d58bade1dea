import type { Credit } from "../budget/credit.js";
import { type Call, callInContext, type Frame, runningFrame, startingCall } from "../call/call.js";
import { firstOfCauses } from "../errors/causes.js";
import type { Loan } from "../guards/guard.js";

/**
 * No amplification between layers: three nested policies of three attempts shall make 3 requests, not 27. A policy that
 * has given up on an error marks it; an outer attempt that fails with a marked error is not repeated, if the inner call
 * ran inside it.
 *
 * Inside is certain when the inner call began in the synchronous start of the outer task, or in its asynchronous
 * context where it has one. Any other call has no known parent; it counts as inside when it began after the attempt did
 * and gave up in this very turn of the event loop, which is how a rejection travels through `await`. So an error object
 * that many calls share (a prebuilt one, or a shared rejected promise) does not take its retries from a call that has
 * nothing to do with whoever gave up.
 */
const givenUp = new WeakMap<object, Nested & { readonly turn: number }>();

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
  readonly isOver: boolean;
  /** Whoever waited for it does so no longer, or it has failed: what goes on inside it is for nobody. */
  readonly isLost: boolean;
  readonly call: Nested & {
    readonly credit: Credit | undefined;
    /** When its own deadline is over; `Infinity` without one. */
    readonly ownEndMs: number;
  };
  /** What calls inside it may run under: what it holds, and what the attempts around it do. */
  loans(): readonly Loan[];
}

/** How an attempt is found behind the call that its task sees. */
export const attempting: unique symbol = Symbol("attempting");

/** Is this inside of a task: in its synchronous start, or in its context? */
export function isInsideTask(): boolean {
  return runningFrame() !== undefined || callInContext() !== undefined;
}

/** The innermost attempt that this belongs to, as far as that is known, and that still runs. */
export function attemptAround(): Attempting | undefined {
  const call: (Call & Frame & { readonly [attempting]?: Attempting }) | undefined =
    startingCall() ?? callInContext();
  let around = call?.[attempting];
  while (around?.isOver === true) around = around.call.parent;
  return around;
}

/** When the first deadline of the calls around is over. Of an attempt that has ended well it holds no longer. */
export function endAround(parent: Attempting | undefined): number {
  let endMs = Infinity;
  for (let around = parent; around !== undefined; around = around.call.parent)
    if (!around.isOver || around.isLost) endMs = Math.min(endMs, around.call.ownEndMs);
  return endMs;
}

/** Has any attempt around ended? Then nobody waits for what goes on inside it, however deep. */
export function isForNobody(parent: Attempting | undefined): boolean {
  for (let around = parent; around !== undefined; around = around.call.parent)
    if (around.isOver || around.isLost) return true;
  return false;
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
  const found = firstOfCauses(error, (link) => {
    const call = givenUp.get(link);
    return call !== undefined && isInside(call, attempt) ? call : undefined;
  });
  return found !== undefined;
}

function isInside(call: Nested & { readonly turn: number }, attempt: Attempting): boolean {
  let top: Nested = call;
  for (; top.parent !== undefined; top = top.parent.call) if (top.parent === attempt) return true;
  return top.began > attempt.began && call.turn === turn;
}

/** Has a call around this one paid into the same credit already? Then it is the same call, to the dependency. */
export function hasDeposited(credit: Credit, parent: Attempting | undefined): boolean {
  for (let around = parent; around !== undefined; around = around.call.parent)
    if (around.call.credit === credit) return true;
  return false;
}
