import type { Table } from "./table.js";

/** To count a large table takes a while. So it is done now and then; in between we know what we have added. */
const COUNT_AGAIN_MS = 10_000;
const FULL_AGAIN_MS = 1_000;

/** How many rows there is still room for. */
export class Room {
  readonly #table: Table;
  readonly #maxRows: number;
  #left = 0;
  #countedMs = -Infinity;

  constructor(table: Table, maxRows: number) {
    this.#table = table;
    this.#maxRows = maxRows;
  }

  /** As many of them as there is room for. */
  async take(wanted: number): Promise<number> {
    const ageMs = performance.now() - this.#countedMs;
    if (ageMs >= (this.#left < wanted ? FULL_AGAIN_MS : COUNT_AGAIN_MS)) await this.#count();
    const granted = Math.min(wanted, this.#left);
    this.#left -= granted;
    return granted;
  }

  async #count(): Promise<void> {
    const [row] = await this.#table.ask(this.#table.sql.count, [this.#maxRows]);
    this.#left = this.#maxRows - Number(row?.["count"]);
    this.#countedMs = performance.now();
  }
}
