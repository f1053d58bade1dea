import type { Pool, PoolClient } from "pg";

/** What can be ended from outside. */
export interface Abortable {
  abort(reason: unknown): void;
}

/** Which connections are in somebody's hands, and which of our statements run on them. */
export class InUse {
  readonly #clients = new Map<PoolClient, Abortable | undefined>();
  readonly #took = (client: PoolClient): void => void this.#clients.set(client, undefined);
  readonly #gaveBack = (_: unknown, client: PoolClient): void => void this.#clients.delete(client);
  readonly #lost = (client: PoolClient): void => void this.#clients.delete(client);

  watch(pool: Pool): void {
    pool.on("acquire", this.#took).on("release", this.#gaveBack).on("remove", this.#lost);
  }

  leave(pool: Pool): void {
    pool.off("acquire", this.#took).off("release", this.#gaveBack).off("remove", this.#lost);
  }

  has(client: PoolClient): boolean {
    return this.#clients.has(client);
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Until the connection goes back. */
  runs(client: PoolClient, statement: Abortable): void {
    this.#clients.set(client, statement);
  }

  get statements(): Abortable[] {
    return [...this.#clients.values()].filter((statement) => statement !== undefined);
  }
}
