import { explained, isMadeMeanwhile, isMissingTable, notMade } from "./errors.js";
import type { Line } from "./line.js";
import type { TableRules } from "./options.js";
import type { Row } from "./session.js";
import { deadLettersTableSql, statementsFor } from "./sql.js";

/** A row that is claimed, and whose number it is marked with. */
export interface ClaimedRow {
  readonly row: Row;
  readonly owner: string;
  /** The connection need not stay open for it any more. */
  readonly letGo: () => void;
}

/** A table that is made when it is missed, if it may be. */
export class Table {
  readonly sql: ReturnType<typeof statementsFor>;
  readonly #line: Line;
  readonly #rules: TableRules;
  #making: Promise<void> | undefined = undefined;

  constructor(line: Line, rules: TableRules) {
    this.#line = line;
    this.#rules = rules;
    this.sql = statementsFor(rules.table);
  }

  ask(text: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    return this.#with(() => this.#line.ask(text, values));
  }

  /** Undefined where there is none to be had. */
  async claim(id: string): Promise<ClaimedRow | undefined> {
    const { owner, rows } = await this.#with(() =>
      this.#line.askAsOwner(this.sql.claim, (claimer) => [id, claimer]),
    );
    const [row] = rows;
    if (row !== undefined) return { row, owner, letGo: once(() => this.#line.letGo()) };
    this.#line.letGo();
    return undefined;
  }

  async #with<T>(ask: () => Promise<T>): Promise<T> {
    const { table, createTable } = this.#rules;
    try {
      return await ask();
    } catch (error) {
      if (!createTable || !isMissingTable(error)) throw explained(table, error);
    }
    this.#making ??= this.#make().finally(() => (this.#making = undefined));
    await this.#making;
    return ask();
  }

  async #make(): Promise<void> {
    const { table } = this.#rules;
    try {
      await this.#line.ask(deadLettersTableSql(table));
    } catch (error) {
      if (!isMadeMeanwhile(error)) throw notMade(table, error);
    }
  }
}

/** Who ends a claim twice ends no other. */
function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
