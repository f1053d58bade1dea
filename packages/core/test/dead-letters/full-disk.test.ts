import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

// A disk of 64 kB that only one command sees, and that is gone with it: in namespaces of its own, that need no privilege.
const folder = mkdtempSync(join(tmpdir(), "full-disk-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function onSmallDisk(...command: string[]): { status: number | null; stdout: string } {
  const mount = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"';
  return spawnSync("unshare", ["-rm", "sh", "-c", mount, folder, ...command], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
}

const hasSmallDisks = onSmallDisk("true").status === 0;
if (!hasSmallDisks)
  console.warn(
    "This machine makes no disk for a test (unshare, tmpfs): tests of full disks are SKIPPED.",
  );

interface Said {
  readonly written: readonly string[];
  readonly failed: readonly { readonly code: string; readonly id: string }[];
  readonly callsKeptTheirError: boolean;
  readonly listed: readonly { readonly id: string; readonly order: unknown }[];
  readonly damaged: number;
  readonly text: string;
}

describe.runIf(hasSmallDisks)("dead letters on a disk that is full", () => {
  it("what fitted is readable, what did not is told, no call's error changes, and all goes on once there is room", () => {
    const script = fileURLToPath(new URL("scripts/fills-disk.mjs", import.meta.url));
    const { status, stdout } = onSmallDisk(process.execPath, script, folder);
    expect(status).toBe(0);
    const said = JSON.parse(stdout) as Said;
    expect(said.callsKeptTheirError).toBe(true);
    expect(said.failed.map(({ code }) => code)).toEqual(["ENOSPC", "ENOSPC"]);
    expect(said.listed.map(({ id }) => id)).toEqual(said.written);
    expect(said.written.length).toBeGreaterThan(3);
    expect(said.listed.at(-1)?.order).toBe("after");
    expect(whatIsTornIn(said.text)).toBe(said.damaged);
    expect(said.damaged).toBeGreaterThan(0); // it was full in the middle of a record
    expect(said.damaged).toBeLessThanOrEqual(said.failed.length);
  });
});

/** Lines that are no records; the last ones are whole. */
function whatIsTornIn(text: string): number {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.filter((line) => !line.startsWith('{"version":1') || !line.endsWith("}")).length;
}
