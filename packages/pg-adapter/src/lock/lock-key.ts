import { createHash } from "node:crypto";

/**
 * The number that PostgreSQL knows a lock by: the first 8 bytes of the SHA-256 of its name in UTF-8, as a signed integer,
 * most significant byte first. In SQL: `('x' || left(encode(sha256(convert_to(name, 'UTF8')), 'hex'), 16))::bit(64)::bigint`.
 */
export function lockKeyOf(name: string): bigint {
  return createHash("sha256").update(name, "utf8").digest().readBigInt64BE(0);
}
