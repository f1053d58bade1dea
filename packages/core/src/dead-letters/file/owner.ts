import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { clock } from "../../time/clock.js";

/** A process, named so that it is not mistaken for a later one with the same number. */
export interface Owner {
  readonly host: string;
  readonly bootId: string;
  /** Containers of one host have numbers of their own. */
  readonly pidSpace: string;
  readonly pid: number;
  /** When it began, as the system counts. */
  readonly startedAt: string;
  /** Of this claim alone. */
  readonly nonce: string;
}

/** A process of another machine cannot be asked whether it lives: its claim counts for so long. */
export const FOREIGN_CLAIM_MS = 3_600_000;

export function ownerNow(): Owner {
  return {
    host: hostname(),
    bootId: clock.boot().bootId,
    pidSpace: pidSpace(),
    pid: process.pid,
    startedAt: startOf(process.pid) ?? "",
    nonce: randomBytes(12).toString("hex"),
  };
}

/** @param ageMs since the claim was made, by the wall clock of the file system. */
export function isAlive(owner: Owner, ageMs: number): boolean {
  const here = ownerNow();
  if (owner.host === here.host && owner.bootId !== here.bootId) return false; // the machine was booted since
  if (owner.host !== here.host || owner.pidSpace !== here.pidSpace) return ageMs < FOREIGN_CLAIM_MS;
  return isRunning(owner.pid) && (startOf(owner.pid) ?? owner.startedAt) === owner.startedAt;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // somebody else's, and alive
  }
}

/** Field 22 of /proc/<pid>/stat; the name in field 2 may hold anything but ends with the last parenthesis. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function pidSpace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** Undefined for what is none: a file that somebody else has put there. */
export function parseOwner(text: string): Owner | undefined {
  try {
    const { host, bootId, pidSpace: space, pid, startedAt, nonce } = JSON.parse(text) as Owner;
    const texts = [host, bootId, space, startedAt];
    if (!texts.every((value) => typeof value === "string") || !Number.isInteger(pid))
      return undefined;
    if (typeof nonce !== "string" || !/^[0-9a-f]{24}$/.test(nonce)) return undefined;
    return { host, bootId, pidSpace: space, pid, startedAt, nonce };
  } catch {
    return undefined;
  }
}
