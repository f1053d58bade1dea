import type { Block } from "./block.js";

/** What a call may wait for: the time of its retry, its turn in a queue, or that one would be admitted. */
export type WaitsFor = "retry" | "turn" | "ready";

const NO_BLOCKS: readonly Block[] = [];

/** A call that waits. */
export interface WaitingCall {
  /** It waits no longer. Says what it waited for. */
  drain(): WaitsFor;
  /** An operator has laid something else over the policy: it may wait no longer. */
  overridden(): void;
}

/** Something that runs and listens to its signal. */
export interface Abortable {
  abort(reason: unknown): void;
}

const SWEEP_FROM = 64;

/** What a policy is doing, as far as it can be ended from outside. */
export class Work {
  /** No attempt begins any more. */
  isDraining = false;
  /** What operators have blocked, in order of precedence. */
  #blocks = NO_BLOCKS;
  #bypasses: (key: string | undefined) => boolean = () => false;
  #waiting: Set<WaitingCall> | undefined = undefined;
  /** Held: what waits for nothing but its signal is reached by nothing else. */
  readonly #listening = new Set<Abortable>();
  #abortables: WeakRef<Abortable>[] = [];
  #sweepAt = SWEEP_FROM;
  #makeReason: (() => unknown) | undefined = undefined;

  waits(call: WaitingCall): void {
    (this.#waiting ??= new Set()).add(call);
  }

  waitsNoLonger(call: WaitingCall): void {
    this.#waiting?.delete(call);
  }

  /** Its task has read its signal; perhaps only now, when all others have been told. */
  listens(running: Abortable): void {
    if (this.#makeReason !== undefined) running.abort(this.#makeReason());
    else this.#listening.add(running);
  }

  listensNoLonger(running: Abortable): void {
    this.#listening.delete(running);
  }

  /** The same for what does not tell us when it has ended. */
  mayListen(running: Abortable): void {
    if (this.#makeReason !== undefined) return running.abort(this.#makeReason());
    if (this.#abortables.push(new WeakRef(running)) >= this.#sweepAt) this.#sweep();
  }

  /** What operators block, and let through, from now on. What waits and would be refused after its wait ends now. */
  override(blocks: readonly Block[], bypasses: (key: string | undefined) => boolean): void {
    this.#blocks = blocks;
    this.#bypasses = bypasses;
    for (const call of this.#waiting ?? []) call.overridden();
  }

  /** Who refuses an attempt at that time, if anybody does. */
  blockAt(key: string | undefined, atMs: number): Block | undefined {
    return this.#blocks.find((block) => block.wouldRefuse(key, atMs));
  }

  /** Does a new call go through unprotected? */
  isBypassed(key: string | undefined): boolean {
    return this.#bypasses(key);
  }

  /** Says how many of each kind there were. */
  endWaiting(): Record<WaitsFor, number> {
    const ended = { retry: 0, turn: 0, ready: 0 };
    for (const call of this.#waiting ?? []) ended[call.drain()]++;
    this.#waiting = undefined;
    return ended;
  }

  /**
   * Each gets a reason of its own, as tasks throw it. Signals of what has ended already are aborted in vain: nobody
   * listens any more.
   */
  abort(makeReason: () => unknown): void {
    this.#makeReason = makeReason;
    for (const running of this.#listening) running.abort(makeReason());
    for (const reference of this.#abortables.splice(0)) reference.deref()?.abort(makeReason());
  }

  #sweep(): void {
    this.#abortables = this.#abortables.filter((reference) => reference.deref() !== undefined);
    this.#sweepAt = Math.max(SWEEP_FROM, 2 * this.#abortables.length);
  }
}
