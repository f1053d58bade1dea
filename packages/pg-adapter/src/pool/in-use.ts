import type { Pool, PoolClient } from "pg";

/** Which connections are in somebody's hands. */
export class InUse {
  readonly #clients = new Set<PoolClient>();
  readonly #took = (client: PoolClient): void => void this.#clients.add(client);
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
}
