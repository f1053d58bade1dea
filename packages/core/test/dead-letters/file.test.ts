import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deadLetter, type DeadLetterRecord, type EventOf, resilient } from "@breakwater/core";
import { type DeadLetterStore, fileDeadLetters } from "@breakwater/core/dead-letters";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keepsToTheContract, lettersIn, recordAt } from "../contracts/dead-letter-store.js";
import { rejectionOf, reset } from "../regressions/fixtures.js";

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "dead-letters-"));
  directory = join(parent, "made", "here");
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const store = (options = {}): DeadLetterStore => fileDeadLetters({ directory, ...options });
const files = (): string[] => readdirSync(directory).filter((name) => name.endsWith(".jsonl"));
const onlyFile = (): string => join(directory, files()[0] as string);
const idsIn = async (from: DeadLetterStore): Promise<string[]> =>
  (await lettersIn(from)).map(({ record }) => record.id);
const damagedIn = async (from: DeadLetterStore): Promise<number> => (await from.list()).damaged;

/** As another process would have left it, some 16 hex digits in its name. */
function put(text: string | Buffer, digits = "0123456789abcdef"): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `letters-1-${digits}.jsonl`), text);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

keepsToTheContract(() => ({ another: () => store() }));

describe("a folder of dead letters", () => {
  it("is made with the first record, for this user alone, with a file for this process", async () => {
    const sink = store();
    expect(existsSync(directory)).toBe(false);
    await Promise.all([sink.write(recordAt(1)), sink.write(recordAt(2))]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(files()).toEqual([expect.stringMatching(`^letters-${process.pid}-[0-9a-f]{16}.jsonl$`)]);
    expect(statSync(onlyFile()).mode & 0o777).toBe(0o600);
    expect(readFileSync(onlyFile(), "utf8").trimEnd().split("\n")).toHaveLength(2);
  });

  it("is readable when a file is cut anywhere: all complete records, and at most one damaged piece", async () => {
    const records = [recordAt(1, { payload: "é😀" }), recordAt(2), recordAt(3)];
    const whole = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    const ends = [...whole.keys()].filter((at) => whole[at] === 0x0a);
    const [, lastBegins = 0] = ends;
    for (let length = lastBegins; length <= whole.length; length++) {
      put(whole.subarray(0, length));
      const { damaged, letters } = await store().list();
      const complete = ends.filter((end) => end <= length).length;
      expect((await collect(letters)).length).toBe(complete);
      const hasTail = length > 0 && !ends.includes(length - 1) && !ends.includes(length);
      expect(damaged).toBe(hasTail ? 1 : 0);
    }
  });

  it("is readable whatever somebody puts in it", async () => {
    const record = recordAt(1);
    const line = `${JSON.stringify(record)}\n`;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
        put(Buffer.concat([Buffer.from(noise), Buffer.from("\n"), Buffer.from(line)]));
        expect(await idsIn(store())).toEqual([record.id]);
      }),
      { numRuns: 50 },
    );
  });

  it("takes for a record only what is one", async () => {
    const good = recordAt(1);
    const bad = [
      { ...good, id: "../../x" },
      { ...good, version: 2 },
      { ...good, at: "now" },
      { ...good, payload: undefined },
      { ...good, attempts: {} },
      [good],
      null,
    ];
    put([...bad, good].map((each) => `${JSON.stringify(each)}\n`).join(""));
    expect(await idsIn(store())).toEqual([good.id]);
    expect(await damagedIn(store())).toBe(bad.length);
  });

  it("keeps lines apart when a write has failed half-way: the next record is on its own line", async () => {
    const [lost, kept] = [recordAt(1), recordAt(2)];
    put(`${JSON.stringify(lost).slice(0, 40)}\n${JSON.stringify(kept)}\n`);
    expect(await idsIn(store())).toEqual([kept.id]);
    expect(await damagedIn(store())).toBe(1);
  });

  it("reads no links, pipes or folders, and hangs on none", async () => {
    await store().write(recordAt(1));
    const elsewhere = join(parent, "elsewhere");
    writeFileSync(elsewhere, `${JSON.stringify(recordAt(2))}\n`);
    symlinkSync(elsewhere, join(directory, "letters-1-00000000000000aa.jsonl"));
    symlinkSync(
      "letters-1-00000000000000ab.jsonl",
      join(directory, "letters-1-00000000000000ab.jsonl"),
    );
    mkdirSync(join(directory, "letters-1-00000000000000ac.jsonl"));
    spawnSync("mkfifo", [join(directory, "letters-1-00000000000000ad.jsonl")]);
    for (const name of ["other.jsonl", "letters-1-zz.jsonl", ".letters-1-00000000000000ae.jsonl"])
      writeFileSync(join(directory, name), `${JSON.stringify(recordAt(3))}\n`);
    expect((await lettersIn(store())).map(({ record }) => record.at)).toEqual([1]);
  });

  it("a mark that somebody has spoilt, or that leads elsewhere, does no harm", async () => {
    const record = recordAt(1);
    await store().write(record);
    mkdirSync(join(directory, "failed"));
    writeFileSync(join(directory, "failed", record.id), "{");
    mkdirSync(join(directory, "claims"));
    const elsewhere = join(parent, "elsewhere");
    writeFileSync(elsewhere, "precious");
    symlinkSync(elsewhere, join(directory, "claims", record.id));
    expect(await store().claim(record.id)).toBeUndefined();
    rmSync(join(directory, "claims", record.id));
    const claim = await store().claim(record.id);
    expect(claim?.failures).toBe(0);
    await claim?.done();
    expect(readFileSync(elsewhere, "utf8")).toBe("precious");
  });

  it("refuses what is over its size, and says that it is full", async () => {
    const sink = store({ maxBytes: 1_000 });
    const policy = resilient(
      deadLetter({ sink, payload: () => "x".repeat(400), redact: (text) => text }),
    );
    const dropped: EventOf<"dead_letter.dropped">[] = [];
    policy.on("dead_letter.dropped", (event) => void dropped.push(event));
    for (let n = 0; n < 3; n++) await rejectionOf(policy.execute(() => Promise.reject(reset())));
    await policy.drain();
    expect(dropped.reduce((sum, { count }) => sum + count, 0)).toBe(2);
    expect(dropped[0]?.reason).toBe("sink");
    expect(await idsIn(store())).toHaveLength(1);
    expect(statSync(onlyFile()).size).toBeLessThanOrEqual(1_000);
  });

  it("that cannot be written to is told, and hides no error", async () => {
    writeFileSync(join(parent, "made"), "a file where a folder should be");
    const sink = store();
    const policy = resilient(deadLetter({ sink, payload: () => 1, redact: (text) => text }));
    const failed: EventOf<"dead_letter.failed">[] = [];
    policy.on("dead_letter.failed", (event) => void failed.push(event));
    const error = reset();
    expect(await rejectionOf(policy.execute(() => Promise.reject(error)))).toBe(error);
    await policy.drain();
    expect(failed).toMatchObject([{ during: "write", error: { code: "ENOTDIR" } }]);
  });

  it("is written to again once it can be", async () => {
    const sink = store();
    writeFileSync(join(parent, "made"), "");
    await expect(sink.write(recordAt(1))).rejects.toMatchObject({ code: "ENOTDIR" });
    rmSync(join(parent, "made"));
    const record = recordAt(2);
    await sink.write(record);
    expect(await idsIn(store())).toEqual([record.id]);
  });

  it("refuses options that cannot work", () => {
    for (const options of [
      {},
      { directory: "" },
      { directory: "a\0b" },
      { directory, maxBytes: 1 },
    ])
      expect(() => fileDeadLetters(options as never)).toThrow(
        expect.objectContaining({ code: "ERR_INVALID_SPEC" }),
      );
  });
});

const claimed = (): string[] => readdirSync(join(directory, "claims"));

describe("a claim", () => {
  let record: DeadLetterRecord;
  beforeEach(async () => {
    record = recordAt(1);
    await store().write(record);
    await store().claim(record.id);
  });

  const change = (what: object): void => {
    const path = join(directory, "claims", record.id);
    const owner = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...owner, ...what }));
  };

  it("of a living process holds", async () => {
    expect(await store().claim(record.id)).toBeUndefined();
  });

  it.each([
    ["a process that has ended", { pid: 2 ** 22 + 1 }],
    ["a process whose number is another's now", { startedAt: "1" }],
    ["a machine that was booted since", { bootId: "another boot" }],
  ])("of %s is taken over, by one", async (_, what) => {
    change(what);
    const claims = await Promise.all(Array.from({ length: 20 }, () => store().claim(record.id)));
    const got = claims.filter((claim) => claim !== undefined);
    expect(got).toHaveLength(1);
    await got[0]?.release();
    expect(claimed()).toEqual([]);
    expect(await store().claim(record.id)).toBeDefined();
  });

  it("of a dead process that had followed a dead one is taken over, too", async () => {
    change({ pid: 2 ** 22 + 1 });
    await store().claim(record.id);
    const heir = claimed().find((name) => name.includes(".")) as string;
    const path = join(directory, "claims", heir);
    const owner = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...owner, pid: 2 ** 22 + 1 }));
    const claim = await store().claim(record.id);
    expect(claim).toBeDefined();
    expect(await store().claim(record.id)).toBeUndefined();
    await claim?.done();
    expect(claimed()).toEqual([]);
  });

  it.each([
    ["another host", { host: "elsewhere" }],
    ["another container", { pidSpace: "pid:[1]" }],
  ])("of %s holds, as it cannot be asked", async (_, what) => {
    change(what);
    expect(await store().claim(record.id)).toBeUndefined();
  });
});

it.skipIf(process.getuid?.() === 0)("a folder without permission is told", async () => {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o500);
  await expect(store().write(recordAt(1))).rejects.toMatchObject({ code: "EACCES" });
});

it("a reader is not misled by a file that shrinks under it", async () => {
  await store().write(recordAt(1));
  const reader = store();
  const { letters } = await reader.list();
  truncateSync(onlyFile(), 10);
  expect(await collect(letters)).toEqual([]);
});
