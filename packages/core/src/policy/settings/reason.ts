import { BreakwaterError } from "../../errors/errors.js";
import { parseOptions, type Schema, text, fieldOf, either } from "../../parts/options.js";
import type { Reason } from "../../parts/part.js";
import * as v from "valibot";

/** Who changes a policy, why, and from which state of it. */
export interface TuneReason extends Reason {
  /** Who does it: shown in the history and in the event. */
  readonly by?: string;
  /** For what reason. */
  readonly why?: string;
  /** Refuse if the policy has been changed since: its `revision` must still be this one. */
  readonly ifRevision?: number;
}

const expected = "a whole number from 0";
const revision = v.pipe(v.number(expected), v.integer(expected), v.minValue(0, expected));
const fields = {
  by: text({ meaning: "who does it" }),
  why: text({ meaning: "for what reason" }),
  ifRevision: either(fieldOf(revision), {
    type: "integer",
    bounds: "from 0",
    default: "none",
    meaning: "refuse if the policy has another revision by now",
  }),
} as const;

const reasonSchema: Schema<typeof fields> = {
  title: "reason",
  fields,
  peerNames: { who: () => "by", author: () => "by", reason: () => "why" },
};

/** @throws BreakwaterError `ERR_INVALID_SPEC`, or `ERR_STALE_REVISION`. */
export function parseReason(given: TuneReason, policy: string, revisionNow: number): Reason {
  const { by, why, ifRevision } = parseOptions(reasonSchema, given);
  if (ifRevision !== undefined && ifRevision !== revisionNow)
    throw new BreakwaterError(
      "ERR_STALE_REVISION",
      `${policy} has revision ${revisionNow}, and not ${ifRevision}: somebody has changed it since. Look at history(), and decide again.`,
      { policy },
    );
  return { ...(by === undefined ? {} : { by }), ...(why === undefined ? {} : { why }) };
}
