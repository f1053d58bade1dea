import { setImmediate as nextTurn } from "node:timers/promises";
import type { DeadLetterRecord } from "@breakwater/core";
import { sqlStateOf } from "../classify/judge.js";
import { tableFull } from "./errors.js";
import { asAscii } from "./letters.js";
import type { TableRules } from "./options.js";
import { Room } from "./room.js";
import type { Table } from "./table.js";

interface Waiting {
  readonly id: string;
  readonly at: string;
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Of one statement. A record that is larger goes alone. */
const MOST_BYTES = 4_000_000;
const MOST_ROWS = 500;

/** One statement at a time: what comes while it runs is written with the next one. */
export class Writer {
  readonly #table: Table;
  readonly #rules: TableRules;
  readonly #room: Room;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(table: Table, rules: TableRules) {
    this.#table = table;
    this.#rules = rules;
    this.#room = new Room(table, rules.maxRows);
  }

  write(record: DeadLetterRecord): Promise<void> {
    const text = asAscii(record);
    return new Promise((resolve, reject) => {
      this.#queue.push({ id: record.id, at: String(record.at), text, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async flush(): Promise<void> {
    await this.#running;
  }

  /** Not at once: the call that has ended is told first. */
  async #run(): Promise<void> {
    await nextTurn();
    while (this.#queue.length > 0) await this.#writeAll(this.#nextBatch());
    this.#running = undefined;
  }

  #nextBatch(): readonly Waiting[] {
    let bytes = 0;
    const fits = ({ text }: Waiting, index: number): boolean =>
      index === 0 || (index < MOST_ROWS && bytes + text.length <= MOST_BYTES);
    const end = this.#queue.findIndex((each, index) => {
      if (!fits(each, index)) return true;
      bytes += each.text.length;
      return false;
    });
    return this.#queue.splice(0, end === -1 ? this.#queue.length : end);
  }

  async #writeAll(batch: readonly Waiting[]): Promise<void> {
    try {
      const room = await this.#room.take(batch.length);
      const { table, maxRows } = this.#rules;
      for (const { reject } of batch.slice(room)) reject(tableFull(table, maxRows));
      await this.#insert(batch.slice(0, room));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** What the server has against one record is not held against those that came with it. */
  async #insert(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const columns = [batch.map(({ id }) => id), batch.map(({ at }) => at)];
      await this.#table.ask(this.#table.sql.insert, [...columns, batch.map(({ text }) => text)]);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      if (batch.length === 1 || sqlStateOf(error) === undefined) throw error;
      for (const each of batch) await this.#insert([each]).catch(each.reject);
    }
  }
}
