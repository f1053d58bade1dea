import { clock } from "../time/clock.js";

/** Longer ones run in the shared state. */
export const LONGEST_KEY = 256;

export interface KeyRules {
  readonly maxKeys: number;
  readonly idleKeyMs: number;
}

/** State that belongs to one key. */
export interface Cell {
  /** Is it the same as a new one, so that nobody would notice if it went? */
  isPristine(nowMs: number): boolean;
}

/** Where a cell is kept. Whoever holds on to a slot says so in `askedMs`, and asks anew once it is `dropped`. */
export interface Slot<C> {
  readonly cell: C;
  askedMs: number;
  dropped: boolean;
}

const SWEPT_PER_NEW_KEY = 2;
/** What the key of the shared state is called; no key of a user's is mistaken for it, as that would be looked up first. */
const OVERFLOW = "(overflow)";

/**
 * States by key; calls without a key share one. Only what is pristine and has not been asked for during `idleKeyMs` is
 * dropped. When there are too many keys and none can go, new keys share one overflow state: its slot counts as dropped,
 * so that whoever has it asks again and gets a state of its own as soon as there is room.
 */
export class Keyed<C extends Cell> {
  /** The state of calls without a key. */
  readonly common: Slot<C>;
  readonly #make: (key: string | undefined) => C;
  readonly #rules: () => KeyRules;
  readonly #overflowed: () => void;
  #slots: Map<string, Slot<C>> | undefined;
  #overflow: Slot<C> | undefined;
  #noRoomUntilMs = -Infinity;

  constructor(make: (key: string | undefined) => C, rules: () => KeyRules, overflowed: () => void) {
    this.#make = make;
    this.#rules = rules;
    this.#overflowed = overflowed;
    this.common = { cell: make(undefined), askedMs: 0, dropped: false };
  }

  at(key: string | undefined): Slot<C> {
    if (key === undefined) return this.common;
    const slot = this.#slots?.get(key);
    if (slot === undefined) return this.#add(key);
    slot.askedMs = clock.now();
    return slot;
  }

  /** Forgets all keys; whoever holds a slot asks again. */
  clear(): void {
    for (const slot of this.#slots?.values() ?? []) slot.dropped = true;
    this.#slots = this.#overflow = undefined;
    this.#noRoomUntilMs = -Infinity;
  }

  /** The state that belongs to a key, and that of calls without one. */
  *cells(): Iterable<readonly [string | undefined, C]> {
    yield [undefined, this.common.cell];
    for (const [key, { cell }] of this.#slots ?? []) yield [key, cell];
  }

  /** Every state, also the one that keys share for which there was no room. */
  *all(): Iterable<C> {
    for (const [, cell] of this.cells()) yield cell;
    if (this.#overflow !== undefined) yield this.#overflow.cell;
  }

  /** Those of `all`, without an iterator: for who looks at many thousands, and too rarely for compiled code. */
  each(look: (cell: C) => void): void {
    look(this.common.cell);
    this.#slots?.forEach(({ cell }) => look(cell));
    if (this.#overflow !== undefined) look(this.#overflow.cell);
  }

  /** The state that a key has now, its own or the shared one; none if it has not been seen. */
  peek(key: string | undefined): C | undefined {
    if (key === undefined) return this.common.cell;
    return (this.#slots?.get(key) ?? this.#overflow)?.cell;
  }

  #add(key: string): Slot<C> {
    if (key.length > LONGEST_KEY || !this.#makeRoom()) return this.#shared();
    const slot = { cell: this.#make(key), askedMs: clock.now(), dropped: false };
    this.#slots = (this.#slots ?? new Map()).set(key, slot);
    return slot;
  }

  #shared(): Slot<C> {
    if (this.#overflow === undefined) this.#overflowed();
    return (this.#overflow ??= { cell: this.#make(OVERFLOW), askedMs: 0, dropped: true });
  }

  #makeRoom(): boolean {
    const { maxKeys } = this.#rules();
    if ((this.#slots?.size ?? 0) < maxKeys) {
      this.#sweep(SWEPT_PER_NEW_KEY);
      return true;
    }
    // All were looked at and none could go: there is no use in looking again before the first of them may.
    if (clock.now() < this.#noRoomUntilMs) return false;
    this.#noRoomUntilMs = this.#sweep(Infinity);
    return (this.#slots?.size ?? 0) < maxKeys;
  }

  /** Drops what may go among the `most` oldest; the others go to the end of the line. Says when the next one may go. */
  #sweep(most: number): number {
    const nowMs = clock.now();
    const { idleKeyMs } = this.#rules();
    let soonestMs = Infinity;
    for (const [key, slot] of firstOf(this.#slots, most)) {
      this.#slots?.delete(key);
      const idle = slot.askedMs + idleKeyMs <= nowMs;
      if (idle && slot.cell.isPristine(nowMs)) {
        slot.dropped = true;
        continue;
      }
      this.#slots?.set(key, slot);
      soonestMs = Math.min(soonestMs, idle ? nowMs + 1_000 : slot.askedMs + idleKeyMs);
    }
    return soonestMs;
  }
}

/** Copied, as the loop over it changes the map. */
function firstOf<K, V>(map: ReadonlyMap<K, V> | undefined, most: number): (readonly [K, V])[] {
  const first: (readonly [K, V])[] = [];
  for (const entry of map ?? []) {
    if (first.length >= most) break;
    first.push(entry);
  }
  return first;
}
