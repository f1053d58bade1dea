import type { FileHandle } from "node:fs/promises";
import * as v from "valibot";
import type { DeadLetterRecord } from "../../engine/dead-letters/record.js";
import type { Folder } from "./folder.js";
import { isId } from "./folder.js";

/** Where a record stands. */
export interface Located {
  readonly id: string;
  readonly at: number;
  readonly file: string;
  readonly start: number;
  readonly length: number;
}

const NEWLINE = 0x0a;
const CHUNK = 65_536;
/** No record of ours is longer: payloads are at most 100 MB. What is, is damage, and is not kept in memory. */
const LONGEST_LINE = 128_000_000;

const summary = v.object({
  name: v.string(),
  message: v.string(),
  code: v.exactOptional(v.string()),
});
const record = v.looseObject({
  version: v.literal(1),
  id: v.custom<string>(isId),
  policy: v.string(),
  key: v.exactOptional(v.string()),
  at: v.pipe(v.number(), v.finite()),
  stoppedBy: v.string(),
  error: summary,
  attempts: v.array(v.looseObject({ attempt: v.number(), verdict: v.string() })),
  payload: v.unknown(),
});

/** Undefined for what is no complete record of ours. */
function parseRecord(text: string): DeadLetterRecord | undefined {
  try {
    const result = v.safeParse(record, JSON.parse(text));
    // What is checked is what a reader of ours needs; names that a later version may add pass.
    return result.success && "payload" in result.output
      ? (result.output as unknown as DeadLetterRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Finds all records of all files, oldest first, each id once; and counts the pieces that are none. */
export async function findRecords(
  folder: Folder,
): Promise<{ readonly found: readonly Located[]; readonly damaged: number }> {
  const byId = new Map<string, Located>();
  let damaged = 0;
  for (const file of await folder.letterFiles()) {
    const handle = await folder.open(file);
    if (handle === undefined) continue;
    try {
      for await (const { bytes, start } of linesOf(handle)) {
        const parsed = bytes === undefined ? undefined : parseRecord(bytes.toString("utf8"));
        if (parsed === undefined) damaged++;
        else if (!byId.has(parsed.id))
          byId.set(parsed.id, {
            id: parsed.id,
            at: parsed.at,
            file,
            start,
            length: bytes?.length ?? 0,
          });
      }
    } finally {
      await handle.close();
    }
  }
  return { found: [...byId.values()].toSorted((a, b) => a.at - b.at), damaged };
}

export async function readRecord(
  folder: Folder,
  { file, start, length }: Located,
): Promise<DeadLetterRecord | undefined> {
  const handle = await folder.open(file);
  if (handle === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start);
    return parseRecord(buffer.toString("utf8", 0, bytesRead));
  } finally {
    await handle.close();
  }
}

interface Line {
  /** Undefined for one that is too long. */
  readonly bytes: Buffer | undefined;
  readonly start: number;
}

/** Empty lines are none. A last line without its end is one as well: the end may be all that is missing. */
async function* linesOf(handle: FileHandle): AsyncGenerator<Line> {
  let start = 0;
  let pieces: Buffer[] = [];
  let length = 0;
  const line = (): Line => ({
    bytes: length > LONGEST_LINE ? undefined : Buffer.concat(pieces),
    start,
  });
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (length <= LONGEST_LINE) pieces.push(piece);
    else pieces = [];
  };
  const next = (): void => {
    start += length + 1;
    length = 0;
    pieces = [];
  };
  for await (const chunk of chunksOf(handle)) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, end));
      if (length > 0) yield line();
      next();
      from = end + 1;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (length > 0) yield line();
}

async function* chunksOf(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let at = 0; ;) {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK), 0, CHUNK, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
