import type { ClientBase, Pool, PoolClient, QueryResult } from "pg";

/** What a connection is asked for with. pg gives the release function twice. */
export type Connected = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: (error?: unknown) => void,
) => void;

export type Answered = (error: Error | null | undefined, result: QueryResult) => void;

/** pg's own `query` of a client. */
export type Submit = (config: unknown, values: unknown, answered: Answered) => unknown;

/** What pg-pool and pg have and their types do not say. All of it is there from pg 8.11 to the newest, or asked for first. */
export interface PoolInside {
  readonly _clients?: readonly PoolClient[];
  readonly _idle?: readonly { readonly client: PoolClient }[];
  _remove?(client: PoolClient): void;
}

export interface ClientInside {
  readonly readyForQuery?: boolean;
  readonly _queryable?: boolean;
  readonly _ended?: boolean;
  readonly _ending?: boolean;
  readonly processID?: number | null;
  readonly secretKey?: unknown;
  readonly connection?: ConnectionInside;
}

/** The protocol of one connection. */
export interface ConnectionInside {
  readonly stream: {
    readonly remoteAddress?: string;
    readonly remotePort?: number;
    destroy(): void;
  };
  on(event: string, listener: (...args: never[]) => void): this;
  once(event: string, listener: (...args: never[]) => void): this;
  off(event: string, listener: (...args: never[]) => void): this;
  prependListener(event: string, listener: (...args: never[]) => void): this;
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: unknown): void;
  end(): void;
}

/** The same object, with what it has inside and its types do not say. */
export function insideOf(client: ClientBase): ClientInside {
  return client as unknown as ClientInside;
}

/** The same of a pool. */
export function insideOfPool(pool: Pool): PoolInside {
  return pool as unknown as PoolInside;
}

/** Those that it has already. */
export function clientsOf(pool: Pool): readonly PoolClient[] {
  const { _clients: clients = [] } = insideOfPool(pool);
  return clients;
}
