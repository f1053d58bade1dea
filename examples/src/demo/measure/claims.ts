import { recoveryText, seconds } from "../common/format.js";
import { RECOVERY } from "../scenario.js";
import type { Summary } from "./summary.js";

/** What the demo is there to show, and whether this run has shown it. */
export interface Claim {
  readonly claim: string;
  readonly held: boolean;
  /** The numbers of this run. */
  readonly measured: string;
}

export type Compared = Readonly<Record<"bare" | "naive" | "annotated", Summary>>;

export function judge(clients: Compared, openMs: number): Claim[] {
  return [
    doubles(clients),
    collapses(clients),
    serves(clients),
    spares(clients),
    recovers(clients, openMs),
  ];
}

function doubles({ naive }: Compared): Claim {
  return {
    claim: "naive at least doubles the load on the upstream in the brown-out",
    held: naive.amplificationInBrownOut >= 2,
    measured: `${naive.amplificationInBrownOut} requests for each call`,
  };
}

function collapses({ naive, annotated }: Compared): Claim {
  const isDown = naive.recoveryMs === null;
  const isSlower =
    annotated.recoveryMs !== null && (naive.recoveryMs ?? Infinity) >= 3 * annotated.recoveryMs;
  return {
    claim: "naive is still down at the end, or takes at least 3 times as long as annotated",
    held: isDown || isSlower,
    measured: `naive ${recoveryText(naive.recoveryMs)}, annotated ${recoveryText(annotated.recoveryMs)}`,
  };
}

function serves({ bare, naive, annotated }: Compared): Claim {
  const [ours, ...theirs] = [annotated, bare, naive].map(({ goodput }) => goodput.during);
  return {
    claim: "annotated answers at least as much as each of the others in the brown-out",
    held: ours !== undefined && theirs.every((goodput) => ours >= goodput),
    measured: `annotated ${ours}/s, bare ${theirs[0]}/s, naive ${theirs[1]}/s`,
  };
}

function spares({ annotated }: Compared): Claim {
  return {
    claim: "annotated sends at most 1.25 requests for each call",
    held: annotated.amplification <= 1.25,
    measured: `${annotated.amplification}`,
  };
}

function recovers({ annotated }: Compared, openMs: number): Claim {
  const withinMs = openMs * RECOVERY.openings + RECOVERY.extraMs;
  return {
    claim: `annotated answers ${RECOVERY.share * 100} % of what it did before, ${seconds(withinMs)} after the brown-out`,
    held: annotated.recoveryMs !== null && annotated.recoveryMs <= withinMs,
    measured: recoveryText(annotated.recoveryMs),
  };
}
