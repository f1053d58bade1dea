import type pg from "pg";
import { type TransactionOptions, withTransaction } from "../../src/index.js";
import { move, type Transfer } from "./bank.ts";
import type { Teller } from "./run-chaos.ts";

const SUM = "select sum(cents)::int as total from accounts";
const WRITE = "insert into writes values ($1) on conflict do nothing";

interface Total {
  readonly total: number;
}

/** A pool as it comes from pg, used with care. */
export class PlainTeller implements Teller {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool.on("connect", (client) => client.on("error", () => {}));
  }

  async read(): Promise<number> {
    return (await this.#pool.query<Total>(SUM)).rows[0]?.total ?? Number.NaN;
  }

  async write(id: string): Promise<unknown> {
    return this.#pool.query(WRITE, [id]);
  }

  async transfer(transfer: Transfer): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await client.query("BEGIN");
      await move(client, transfer);
      await client.query("COMMIT");
      client.release();
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}

/** A wrapped pool, which is told what may be repeated. */
export class ResilientTeller implements Teller {
  readonly #pool: pg.Pool;
  readonly #options: TransactionOptions;

  constructor(pool: pg.Pool, options: TransactionOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  async read(): Promise<number> {
    const query = { text: SUM, resilience: { readOnly: true } };
    return (await this.#pool.query<Total>(query)).rows[0]?.total ?? Number.NaN;
  }

  async write(id: string): Promise<unknown> {
    const { idempotent = false } = this.#options;
    return this.#pool.query({ text: WRITE, values: [id], resilience: { idempotent } });
  }

  async transfer(transfer: Transfer): Promise<void> {
    return withTransaction(this.#pool, (client) => move(client, transfer), this.#options);
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}
