import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FIXTURES = new URL("../tls/", import.meta.url);

/** What the server of the tests proves itself with; it is its own authority. */
export const certificate: string = readFileSync(new URL("server.crt", FIXTURES), "utf8");

const ACCESS = "hostssl all all all trust\nlocal all all trust\n";

/** Puts certificate and key where the server looks for them, and lets nobody in by TCP without. */
export function encrypt(data: string, owner: number | undefined): void {
  writeFileSync(join(data, "server.crt"), certificate);
  const key = join(data, "server.key");
  writeFileSync(key, readFileSync(new URL("server.key", FIXTURES)), { mode: 0o600 });
  if (owner !== undefined) chownSync(key, owner, owner);
  writeFileSync(join(data, "pg_hba.conf"), ACCESS);
}
