import { summarize } from "../../errors/summary.js";
import { board } from "./board.js";
import { enact, refusalOf, tellRefused } from "./operate.js";
import { Override } from "./override.js";
import type { Request } from "./request.js";
import { whenOf } from "./until.js";

/** What a file says, by the text of each entry, and what became of it: nothing stands of what has acted or is over. */
type Seen = ReadonlyMap<string, Override | undefined>;

/** There is one of each: the section of the config file, and the file of the environment. */
export type Place = "config" | "environment";

const seenAt = new Map<Place, Seen>();

/**
 * Makes what stands by a file what the file says now. An entry that says what it said before goes on as it was, with the
 * end that was fixed when it was first read. What is new begins before what is gone ends: a block that is prolonged has no
 * gap.
 */
export function syncWith(place: Place, source: string, requests: readonly Request[]): void {
  const before = seenAt.get(place);
  const now = new Map<string, Override | undefined>();
  for (const request of requests) {
    const says = JSON.stringify(request);
    const isKnown = before?.has(says) === true;
    now.set(says, isKnown ? before?.get(says) : begin(request, source, before === undefined));
  }
  seenAt.set(place, now);
  for (const [says, override] of before ?? [])
    if (override !== undefined && !now.has(says))
      board.end(override, { ended: "cleared", endedBy: source });
}

/** A process that has just begun has nothing that could be reset. */
function begin(request: Request, source: string, isFirst: boolean): Override | undefined {
  const isOver = request.until !== undefined && whenOf(request.until).leftMs <= 0;
  if (isOver || (isFirst && request.verb === "reset")) return undefined;
  if (refusalOf(request, source) !== undefined) return undefined;
  try {
    const done = enact(request, source);
    return done instanceof Override ? done : undefined;
  } catch (error) {
    tellRefused(request, source, summarize(error)); // a patch that does not fit its policy
    return undefined;
  }
}

/** The file is not read any more. */
export function forget(place: Place, source: string): void {
  syncWith(place, source, []);
  seenAt.delete(place);
}
