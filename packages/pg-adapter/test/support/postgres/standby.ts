import { chownSync, cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import pg from "pg";
import type { Address } from "./address.ts";

/** What a standby must not take over: the primary's lock and log. */
const NOT_COPIED = /^(?:postmaster\.(?:pid|opts)|pg_wal|pg_replslot)$/;

/**
 * Copies the data of a running server, as its documentation has it for a low-level base backup: `pg_basebackup` is not in
 * all packages. The copy follows the server as soon as it starts.
 */
export async function copyOf(
  primary: { readonly address: Address; readonly folder: string },
  to: string,
  owner: number | undefined,
): Promise<void> {
  const client = new pg.Client(primary.address);
  await client.connect();
  try {
    await client.query("select pg_backup_start('standby', true)");
    copyData(join(primary.folder, "data"), to);
    const stopped = await client.query<{ labelfile: string }>(
      "select * from pg_backup_stop(false)",
    );
    writeFileSync(join(to, "backup_label"), stopped.rows[0]?.labelfile ?? "");
  } finally {
    await client.end();
  }
  const { host, port, user } = primary.address;
  writeFileSync(join(to, "standby.signal"), "");
  writeFileSync(
    join(to, "postgresql.auto.conf"),
    `primary_conninfo = 'host=${host} port=${port} user=${user}'\n`,
  );
  if (owner !== undefined) giveTo(owner, to);
}

function copyData(from: string, to: string): void {
  const filter = (path: string): boolean =>
    !NOT_COPIED.test(
      path
        .slice(from.length + 1)
        .split(sep)
        .join("/"),
    );
  cpSync(from, to, { recursive: true, filter });
  for (const folder of ["pg_wal", "pg_wal/archive_status", "pg_replslot"])
    mkdirSync(join(to, folder), { recursive: true, mode: 0o700 });
}

function giveTo(owner: number, folder: string): void {
  chownSync(folder, owner, owner);
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    chownSync(join(folder, entry), owner, owner);
}
