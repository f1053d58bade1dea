import { BreakwaterError } from "../errors/errors.js";
import { clock } from "../time/clock.js";
import { invalidSpec, isPlainObject, issueOf } from "../parts/options.js";
import type { PolicySnapshot } from "./snapshot.js";

/** The state of all named policies as plain JSON. */
export interface RegistrySnapshot {
  readonly version: 1;
  /** Wall time, in milliseconds since 1970. */
  readonly takenAt: number;
  /** By name. Policies without a name of their own have none to be found by, and are left out. */
  readonly policies: Readonly<Record<string, PolicySnapshot>>;
}

/** What became of a snapshot. */
export interface RestoreReport {
  /** They go on from it. */
  readonly restored: readonly string[];
  /** They are not there yet, and go on from it as soon as they are made. */
  readonly awaited: readonly string[];
  /** Their part of it is no snapshot, or there are several of that name: they stay as they were. */
  readonly discarded: readonly { readonly policy: string; readonly reason: string }[];
}

/** A policy, as far as its state is concerned. */
export interface Restorable {
  readonly name: string;
  readonly isNamed: boolean;
  snapshot(): PolicySnapshot;
  restore(snapshot: PolicySnapshot): void;
  /** It starts clean. */
  discarded(reason: string): void;
}

/** Of policies that have not been made yet: those of decorated methods are made by their first call. */
const awaited = new Map<string, PolicySnapshot>();

export function snapshotOf(policies: Iterable<Restorable>): RegistrySnapshot {
  // A name may be anything, so it goes into an object without a prototype.
  const byName = Object.assign(Object.create(null), Object.fromEntries(awaited)) as Record<
    string,
    PolicySnapshot
  >;
  for (const [name, [policy, another]] of byNameOf(policies))
    if (policy !== undefined && another === undefined) byName[name] = policy.snapshot();
  return { version: 1, takenAt: clock.wallMs(), policies: byName };
}

/** @throws BreakwaterError `ERR_INVALID_SPEC` for what is no snapshot of a registry; nothing has changed then. */
export function restoreAll(snapshot: unknown, policies: Iterable<Restorable>): RestoreReport {
  const saved = partsOf(snapshot);
  const living = byNameOf(policies);
  const report = {
    restored: [] as string[],
    awaited: [] as string[],
    discarded: [] as { policy: string; reason: string }[],
  };
  for (const [name, part] of Object.entries(saved)) {
    const [policy, another] = living.get(name) ?? [];
    if (policy === undefined) awaited.set(name, part);
    const reason =
      another === undefined ? policy && restoreOne(policy, part) : tellAmbiguous(policy, another);
    if (reason !== undefined) report.discarded.push({ policy: name, reason });
    else report[policy === undefined ? "awaited" : "restored"].push(name);
  }
  return report;
}

/** A policy has been made: it goes on from what awaits it. */
export function restoreAwaited(policy: Restorable): void {
  if (awaited.size === 0 || !policy.isNamed) return;
  const part = awaited.get(policy.name);
  awaited.delete(policy.name);
  if (part !== undefined) restoreOne(policy, part);
}

/** Nothing awaits anybody any more. */
export function forgetAwaited(): void {
  awaited.clear();
}

/** Why not, if it could not be done. */
function restoreOne(policy: Restorable, part: PolicySnapshot): string | undefined {
  try {
    policy.restore(part);
    return undefined;
  } catch (error) {
    const reason = error instanceof BreakwaterError ? error.message : String(error);
    policy.discarded(reason);
    return reason;
  }
}

function tellAmbiguous(...policies: readonly (Restorable | undefined)[]): string {
  const reason = "several policies have this name, and nobody can tell whose state it is";
  for (const policy of policies) policy?.discarded(reason);
  return reason;
}

function byNameOf(policies: Iterable<Restorable>): Map<string, Restorable[]> {
  const byName = new Map<string, Restorable[]>();
  for (const policy of policies)
    if (policy.isNamed) byName.set(policy.name, [...(byName.get(policy.name) ?? []), policy]);
  return byName;
}

function partsOf(snapshot: unknown): Record<string, PolicySnapshot> {
  const given = isPlainObject(snapshot) ? snapshot : {};
  const issues = [];
  if (given["version"] !== 1) issues.push(issueOf("snapshot.version", "1", given["version"]));
  if (!isPlainObject(given["policies"]))
    issues.push(issueOf("snapshot.policies", "an object with policies", given["policies"]));
  if (issues.length > 0) throw invalidSpec(issues);
  return given["policies"] as Record<string, PolicySnapshot>;
}
