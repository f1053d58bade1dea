import * as v from "valibot";
import { type Counters } from "../engine/counters.js";
import { invalidSpec, issueOf } from "../parts/options.js";
import type { SavedBudget } from "../parts/retry-budget.js";
import type { SavedCircuit } from "../guards/circuit/machine.js";
import { clock } from "../time/clock.js";
import { VERDICT_NAMES } from "../verdicts/verdict.js";
import type { Parts } from "./assemble.js";

/** What a policy has done so far, as plain JSON. */
export type CountersSoFar = Pick<
  Counters,
  "attempts" | "retries" | "deniedRetries" | "refusedCalls" | "unknownErrors" | "fallbacks"
>;

/** The state of a policy as plain JSON. */
export interface PolicySnapshot {
  readonly version: 1;
  readonly policy: string;
  /** When: by the wall clock, and by the machine's own clock since the boot with this id. */
  readonly takenAt: { readonly wallMs: number; readonly bootId: string; readonly bootMs: number };
  readonly counters: CountersSoFar;
  /** By key: `""` without one, `"=…"` for each key. Circuits that are as good as new are left out. */
  readonly circuits?: Readonly<Record<string, SavedCircuit>>;
  readonly budget?: SavedBudget;
}

export function takeSnapshot(
  policy: string,
  { breaker, budget }: Parts,
  counters: readonly Counters[],
): PolicySnapshot {
  const nowMs = clock.read();
  return {
    version: 1,
    policy,
    takenAt: { wallMs: clock.wallMs(), ...clock.boot() },
    counters: countersSoFar(counters),
    ...(breaker === undefined ? {} : { circuits: breaker.save(nowMs) }),
    ...(budget === undefined ? {} : { budget: budget.save(nowMs) }),
  };
}

/** Of all cohorts together. */
export function countersSoFar(cohorts: readonly Counters[]): CountersSoFar {
  const attempts = cohorts.map((each) => each.attempts);
  return {
    attempts: Object.fromEntries(
      ATTEMPTS.map((name) => [name, sumOf(attempts, name)]),
    ) as CountersSoFar["attempts"],
    retries: sumOf(cohorts, "retries"),
    deniedRetries: sumOf(cohorts, "deniedRetries"),
    refusedCalls: sumOf(cohorts, "refusedCalls"),
    unknownErrors: sumOf(cohorts, "unknownErrors"),
    fallbacks: sumOf(cohorts, "fallbacks"),
  };
}

const ATTEMPTS = [...VERDICT_NAMES, "late"] as const;

function sumOf<N extends string>(all: readonly Readonly<Record<N, number>>[], name: N): number {
  return all.reduce((sum, each) => sum + each[name], 0);
}

/** @throws BreakwaterError `ERR_INVALID_SPEC` for what is no snapshot; nothing has changed then. */
export function applySnapshot(snapshot: unknown, { breaker, budget }: Parts): void {
  const { circuits, budget: savedBudget, takenAt } = parseSnapshot(snapshot);
  const elapsed = elapsedSince(takenAt);
  if (breaker !== undefined && circuits !== undefined)
    breaker.restore(circuits, elapsed.forCircuits);
  if (budget !== undefined && savedBudget !== undefined)
    budget.restore(
      elapsed.isKnown ? savedBudget : { ...savedBudget, credits: {} },
      elapsed.forBudgets,
    );
}

/**
 * In the same boot the machine's own clock says exactly what has passed. In another one only the wall clock knows, and
 * it may have been set: then no circuit waits longer than it would have, no reserve fills from time that may not have
 * passed, and no credit lives on that may have lapsed.
 */
function elapsedSince(takenAt: PolicySnapshot["takenAt"]): {
  isKnown: boolean;
  forCircuits: number;
  forBudgets: number;
} {
  const now = clock.boot();
  if (now.bootId === takenAt.bootId) {
    const passedMs = Math.max(0, Math.round(now.bootMs - takenAt.bootMs));
    return { isKnown: true, forCircuits: passedMs, forBudgets: passedMs };
  }
  const passedMs = Math.max(0, Math.round(clock.wallMs() - takenAt.wallMs));
  return { isKnown: false, forCircuits: passedMs, forBudgets: 0 };
}

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const whole = v.pipe(amount, v.integer());
const reason = v.picklist([
  "consecutiveFailures",
  "failureRatio",
  "slowCallRatio",
  "timeoutRatio",
  "probes",
]);
const summary = v.object({
  name: v.string(),
  message: v.string(),
  code: v.exactOptional(v.string()),
});
const common = { trips: whole, lastOpenMs: whole };
const circuit = v.variant("state", [
  v.object({
    ...common,
    state: v.literal("closed"),
    row: whole,
    shape: v.optional(v.picklist(["time", "count"])),
    forMs: whole,
    window: v.array(v.tuple([whole, whole, whole, whole, whole])),
  }),
  v.object({
    ...common,
    state: v.picklist(["open", "half-open"]),
    leftMs: whole,
    reason,
    cause: v.optional(summary),
  }),
]);
const snapshotSchema = v.object({
  version: v.literal(1),
  takenAt: v.object({ wallMs: v.number(), bootId: v.string(), bootMs: v.number() }),
  circuits: v.optional(v.record(v.string(), circuit)),
  budget: v.optional(
    v.object({
      reserve: v.object({ tokens: whole, refilledAgoMs: whole }),
      credits: v.record(v.string(), v.array(v.tuple([whole, whole]))),
    }),
  ),
});

function parseSnapshot(snapshot: unknown): Pick<PolicySnapshot, "takenAt" | "circuits" | "budget"> {
  const result = v.safeParse(snapshotSchema, snapshot);
  if (result.success)
    return result.output as Pick<PolicySnapshot, "takenAt" | "circuits" | "budget">;
  throw invalidSpec(
    result.issues.map((issue) =>
      issueOf(`snapshot.${v.getDotPath(issue) ?? ""}`, issue.expected ?? "", issue.input),
    ),
  );
}
