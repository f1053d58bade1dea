/** The finest that is told apart. Windows begin and end on it. */
export const TICK_MS = 100;

/** How often something happened, tick by tick. */
export class Timeline {
  readonly #counts: number[] = [];

  add(atMs: number): void {
    const tick = Math.max(0, tickOf(atMs));
    this.#counts[tick] = (this.#counts[tick] ?? 0) + 1;
  }

  between(fromMs: number, toMs: number): number {
    let sum = 0;
    const end = Math.min(tickOf(toMs), this.#counts.length);
    for (let tick = Math.max(0, tickOf(fromMs)); tick < end; tick++) sum += this.#counts[tick] ?? 0;
    return sum;
  }

  perSecond(fromMs: number, toMs: number): number {
    return (this.between(fromMs, toMs) * 1_000) / (toMs - fromMs);
  }
}

/** What was last known in each tick. */
export class Track<T> {
  readonly #values: T[] = [];

  set(atMs: number, value: T): void {
    this.#values[Math.max(0, tickOf(atMs))] = value;
  }

  /** The newest at that time. */
  at(atMs: number): T | undefined {
    return this.between(0, atMs + TICK_MS).at(-1);
  }

  between(fromMs: number, toMs: number): T[] {
    const values = this.#values.slice(Math.max(0, tickOf(fromMs)), Math.max(0, tickOf(toMs)));
    return values.filter((value) => value !== undefined);
  }
}

function tickOf(atMs: number): number {
  // 0.3 / 0.1 is not 3: a hair's breadth must not cost a tick.
  return Math.floor(atMs / TICK_MS + 1e-9);
}
