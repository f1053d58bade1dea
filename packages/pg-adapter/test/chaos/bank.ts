import { randomUUID } from "node:crypto";
import pg from "pg";

export const ACCOUNTS = 20;
export const CENTS = 1_000;

const SCHEMA = `
  create table accounts (id int primary key, cents int not null);
  create table ledger (id uuid primary key, source int, target int, cents int);
  create table writes (id uuid primary key);
  insert into accounts select id, ${CENTS} from generate_series(1, ${ACCOUNTS}) id;`;

/** A transfer and the number it is known by: to do it twice under one number is to do it once. */
export interface Transfer {
  readonly id: string;
  readonly source: number;
  readonly target: number;
  readonly cents: number;
}

export function someTransfer(): Transfer {
  const account = (): number => 1 + Math.floor(Math.random() * ACCOUNTS);
  const source = account();
  const target = (source % ACCOUNTS) + 1;
  return { id: randomUUID(), source, target, cents: 1 + Math.floor(Math.random() * 50) };
}

/** Within a transaction. */
export async function move(client: pg.ClientBase, transfer: Transfer): Promise<void> {
  const { id, source, target, cents } = transfer;
  const written = await client.query(
    "insert into ledger values ($1, $2, $3, $4) on conflict do nothing",
    [id, source, target, cents],
  );
  if (written.rowCount === 0) return; // an earlier attempt has been committed
  const add = "update accounts set cents = cents + $2 where id = $1";
  const steps = [
    [source, -cents],
    [target, cents],
  ].toSorted(([a = 0], [b = 0]) => a - b);
  for (const step of steps) await client.query(add, step);
}

export async function openBank(address: pg.ClientConfig): Promise<void> {
  await once(address, (client) => client.query(SCHEMA));
}

/** What the database says when all is over. */
export interface Books {
  readonly total: number;
  /** Accounts that do not hold what the ledger says. */
  readonly wrong: number;
  readonly transfers: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

const WRONG = `
  select count(*)::int as wrong from accounts a where cents <> ${CENTS}
    + coalesce((select sum(cents) from ledger where target = a.id), 0)
    - coalesce((select sum(cents) from ledger where source = a.id), 0)`;

export async function readBooks(address: pg.ClientConfig): Promise<Books> {
  return once(address, async (client) => {
    const one = async (text: string): Promise<Record<string, unknown>[]> =>
      (await client.query<Record<string, unknown>>(text)).rows;
    return {
      total: Number((await one("select sum(cents) as total from accounts"))[0]?.["total"]),
      wrong: Number((await one(WRONG))[0]?.["wrong"]),
      transfers: idsOf(await one("select id from ledger")),
      writes: idsOf(await one("select id from writes")),
    };
  });
}

async function once<T>(
  address: pg.ClientConfig,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(address);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

function idsOf(rows: readonly Record<string, unknown>[]): Set<string> {
  return new Set(rows.map(({ id }) => String(id)));
}
