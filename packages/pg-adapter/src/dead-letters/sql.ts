import { badInput } from "@breakwater/core";
import type { Check } from "../options/check.js";

/** PostgreSQL cuts what is longer, without an error: two names might become one. */
const LONGEST_NAME = 63;

/** What a table may be called. */
export const aTable: Check = {
  expected:
    "a table such as 'dead_letters' or 'ops.dead_letters': names of 1 to 63 bytes as the database has them, without quotes",
  holds: (value) => typeof value === "string" && isTable(value),
};

function isTable(table: string): boolean {
  const names = table.split(".");
  return names.length <= 2 && names.every(isName);
}

function isName(name: string): boolean {
  return /^[^"\0]+$/.test(name) && Buffer.byteLength(name) <= LONGEST_NAME;
}

/** `"ops"."dead_letters"` */
export function quoted(table: string): string {
  return table
    .split(".")
    .map((name) => `"${name}"`)
    .join(".");
}

/**
 * The SQL that makes a table for `tableDeadLetters`, and does nothing where there is one: for roles that may not, a
 * migration, or a look. Whoever writes and replays needs `select, insert, update, delete` on it.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` for a name that cannot be.
 * @example
 * console.log(deadLettersTableSql("ops.dead_letters"));
 */
export function deadLettersTableSql(table: string): string {
  if (!aTable.holds(table)) throw badInput("deadLettersTableSql.table", aTable.expected, table);
  // The record is text: json and jsonb refuse what a payload may be (NUL, deep nesting), and jsonb gives back another text.
  return `create table if not exists ${quoted(table)} (
  id text collate "C" primary key,
  at_ms numeric not null,
  record text not null,
  failures integer not null default 0,
  last_error text,
  claimed_by bigint,
  unique (at_ms, id)
);
`;
}

/** Whose claim it is lives as long as the session that holds the lock of this number. */
const IS_ALIVE = `exists (
  select from pg_locks
  where locktype = 'advisory' and objsubid = 1 and granted
    and database = (select oid from pg_database where datname = current_database())
    and classid = (letter.claimed_by >> 32)::oid
    and objid = (letter.claimed_by & 4294967295)::oid)`;

/** All that is said to one table. */
export function statementsFor(table: string) {
  const name = quoted(table);
  const letter = "id, at_ms, record, failures, last_error";
  return {
    count: `select count(*) as count from (select from ${name} limit $1) as counted`,
    insert: `insert into ${name} (id, at_ms, record)
      select * from unnest($1::text[], $2::numeric[], $3::text[]) on conflict (id) do nothing`,
    last: `select id, at_ms from ${name} order by at_ms desc, id desc limit 1`,
    next: `select ${letter} from ${name}
      where (at_ms, id) > ($1::numeric, $2) and (at_ms, id) <= ($3::numeric, $4)
      order by at_ms, id limit 1`,
    claim: `update ${name} as letter set claimed_by = $2
      where id = $1 and (claimed_by is null or not ${IS_ALIVE}) returning ${letter}`,
    done: `delete from ${name} where id = $1`,
    failed: `update ${name} set failures = failures + 1, last_error = $3, claimed_by = null
      where id = $1 and claimed_by = $2`,
    release: `update ${name} set claimed_by = null where id = $1 and claimed_by = $2`,
  } as const;
}

/** A session that claims: it is found dead within half a minute when its machine or the network has gone. */
export const BECOME_OWNER = `select set_config(name, value, false), pg_advisory_lock($1)
  from (values ('idle_session_timeout', '0'),
    ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'))
    as wanted (name, value) join pg_settings using (name)`;
