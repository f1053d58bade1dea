import type { DeadLetterRecord } from "@breakwater/core";
import type {
  DeadLetterClaim,
  DeadLetterList,
  DeadLetterStore,
  StoredDeadLetter,
} from "@breakwater/core/dead-letters";
import type { LockSource } from "../lock/connection.js";
import { asAscii, letterOf } from "./letters.js";
import { Line } from "./line.js";
import { parseTableOptions, type TableDeadLettersOptions, type TableRules } from "./options.js";
import { type ClaimedRow, Table } from "./table.js";
import { Writer } from "./writer.js";

/**
 * Dead letters in a table of PostgreSQL: any number of processes of any number of machines write and replay at once.
 *
 * It has one connection of its own, and takes no more than the address of the pool that it is given: a wrapped pool's
 * policy neither sheds nor counts what is said here. Letters about calls to this very server are lost for as long as it
 * is down longer than `deadlineMs`; those go into a folder, or to another server.
 *
 * A claim ends with the session that made it: the server notices at once that a process has been killed, and within half a
 * minute that a machine or the network has gone. Where replays claim, a pooler between must keep sessions (PgBouncer:
 * `pool_mode = session`); for writing it need not.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` for options that cannot work. The first statement connects; what goes wrong
 * with writing then is told as `dead_letter.failed`, a missing table as a `DeadLetterTableError`.
 * @example
 * const sink = tableDeadLetters(pool, { table: "dead_letters", createTable: true });
 * const billing = resilient(breaker, budget, deadLetter({ sink, payload, redact }), { name: "billing" });
 */
export function tableDeadLetters(
  source: LockSource,
  options: TableDeadLettersOptions,
): DeadLetterStore {
  return new TableDeadLetters(source, parseTableOptions(options));
}

/** Before all that can be. */
const FIRST: Place = { at: String(-Number.MAX_VALUE), id: "" };

interface Place {
  readonly at: unknown;
  readonly id: unknown;
}

/**
 * A claim is a mark in its row, with the number of an advisory lock that the claiming session holds. The mark counts while
 * the lock is held, so it dies with the process and needs no clock. A row lock (`for update skip locked`) would do that,
 * too, but keep a transaction open while the handler runs, which holds up vacuum and is what
 * `idle_in_transaction_session_timeout` is against. A lease by the server's clock needs none of the session, but
 * outlives a killed process by its term, and is outlived by a handler that blocks its event loop.
 */
class TableDeadLetters implements DeadLetterStore {
  readonly #table: Table;
  readonly #writer: Writer;

  constructor(source: LockSource, rules: TableRules) {
    this.#table = new Table(new Line(source, rules.deadlineMs), rules);
    this.#writer = new Writer(this.#table, rules);
  }

  write(record: DeadLetterRecord): Promise<void> {
    return this.#writer.write(record);
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Up to what is the last one now: who lists while others write comes to an end. */
  async list(): Promise<DeadLetterList> {
    const [last] = await this.#table.ask(this.#table.sql.last);
    const until = last && { at: last["at_ms"], id: last["id"] };
    const list = { letters: this.#letters(until, () => list.damaged++), damaged: 0 };
    return list;
  }

  async claim(id: string): Promise<DeadLetterClaim | undefined> {
    if (id.includes("\0")) return undefined; // no text of PostgreSQL
    const claimed = await this.#table.claim(id);
    if (claimed === undefined) return undefined;
    const letter = letterOf(claimed.row);
    const claim = this.#claimOf(id, claimed);
    if (letter !== undefined) return { ...letter, ...claim };
    await claim.release();
    return undefined;
  }

  /** Each of them may be said twice, as its answer may be lost. */
  #claimOf(
    id: string,
    { owner, letGo }: ClaimedRow,
  ): Omit<DeadLetterClaim, keyof StoredDeadLetter> {
    const { sql } = this.#table;
    const end = async (text: string, values: readonly unknown[]): Promise<void> => {
      await this.#table.ask(text, values).finally(letGo);
    };
    return {
      // Also when the claim was lost meanwhile: it has succeeded, and should not run again.
      done: () => end(sql.done, [id]),
      failed: (error) => end(sql.failed, [id, owner, asAscii(error)]),
      release: () => end(sql.release, [id, owner]),
    };
  }

  /** One at a time, so that one payload is in memory. */
  async *#letters(until: Place | undefined, spoilt: () => void): AsyncGenerator<StoredDeadLetter> {
    if (until === undefined) return;
    for (let after = FIRST; ;) {
      const places = [after.at, after.id, until.at, until.id];
      const [row] = await this.#table.ask(this.#table.sql.next, places);
      if (row === undefined) return;
      after = { at: row["at_ms"], id: row["id"] };
      const letter = letterOf(row);
      if (letter === undefined) spoilt();
      else yield letter;
    }
  }
}
