import type { ErrorCode } from "../errors/errors.js";
import type { ErrorSummary } from "../errors/summary.js";
import type { VerdictName } from "../verdicts/verdict.js";

/** Why a circuit opened. */
export type TripReason =
  | "consecutiveFailures"
  | "failureRatio"
  | "slowCallRatio"
  | "timeoutRatio"
  | "probes";

/** Why a call ended without success. */
export type StoppedBy =
  | "attempts"
  | "budget"
  | "deadline"
  | "permanent"
  | "ignored"
  | "refused"
  | "aborted"
  | "nested"
  | "unsafe"
  | "hint"
  | "drained";

/** Which of a policy's calls: those that its canary protects, or the others, for which it only keeps books. */
export type Cohort = "canary" | "control";

/** What an operator does to a running process. */
export type OverrideVerb = "block" | "bypass" | "tune" | "reset" | "clear";

/** Who did what to which policy, why, and until when. */
export interface OverrideDetails {
  readonly id: string;
  readonly verb: OverrideVerb;
  /** The policy that it is over, or `'*'`. */
  readonly target: string;
  readonly key?: string;
  readonly by: string;
  readonly why: string;
  /** Wall time, as ISO 8601; or `'cleared'`. Not of what acts once. */
  readonly until?: string;
  /** The code, or the file that says so. */
  readonly source: string;
}

/** What changed: without `from` it was not there, without `to` it is not there any more. */
export interface ValueChange {
  /** `breaker.openMs` */
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** What each event tells, beside its type, time, severity and policy. All of it is plain JSON. */
export interface EventDetails {
  /** A rule was met, or the probes failed: calls are refused. */
  "circuit.opened": {
    readonly guard: string;
    readonly key?: string;
    readonly reason: TripReason;
    /** What the rule allows, by its own measure: so many failures in a row, such a share. Not for probes. */
    readonly threshold?: number;
    readonly openMs: number;
    /** The outcome that tripped it. */
    readonly cause?: ErrorSummary;
  };
  /** The time is over: probes may try. */
  "circuit.half_opened": { readonly guard: string; readonly key?: string; readonly probes: number };
  /** The probes succeeded: everybody may pass. */
  "circuit.closed": { readonly guard: string; readonly key?: string; readonly openedForMs: number };
  /** More keys than `maxKeys` are in use: new ones share one state. */
  "keys.overflowed": { readonly guard: string; readonly maxKeys: number };
  /** A retry that was worth making was not made. */
  "retry.denied": {
    readonly key?: string;
    readonly attempt: number;
    readonly by: Exclude<StoppedBy, "permanent" | "ignored" | "aborted" | "attempts">;
  };
  /** An attempt failed, and another one has been decided and paid for. */
  "retry.scheduled": {
    readonly key?: string;
    readonly attempt: number;
    readonly delayMs: number;
    readonly verdict: VerdictName;
  };
  /** To `'*'` folded to one a second, with their number in `count`. */
  "call.refused": {
    readonly key?: string;
    readonly guard?: string;
    readonly code: ErrorCode;
    readonly retryAfterMs: number;
    readonly count: number;
  };
  /** An attempt has ended, with this verdict. */
  "attempt.settled": {
    readonly key?: string;
    readonly attempt: number;
    readonly verdict: VerdictName;
  };
  /** A call failed, and the fallback answers in its place. */
  "fallback.used": {
    readonly key?: string;
    readonly verdict: VerdictName;
    readonly error: ErrorSummary;
  };
  /** A call was given up on, and the sink has its record. */
  "dead_letter.written": {
    readonly key?: string;
    readonly id: string;
    readonly stoppedBy: StoppedBy;
  };
  /** Calls were given up on, and no record is kept: too many wait for the sink, the payload is too large, the sink is full. */
  "dead_letter.dropped": {
    readonly reason: "waiting" | "size" | "sink";
    readonly count: number;
  };
  /** A hook or the sink failed. Without its record, unless the sink has got it all the same. */
  "dead_letter.failed": {
    readonly during: "payload" | "redact" | "write" | "flush";
    readonly id?: string;
    readonly error: ErrorSummary;
  };
  /** Work that went on after its timeout or abort has been given up: its permit is free again. */
  "attempt.abandoned": { readonly guard: string; readonly key?: string; readonly ranForMs: number };
  /** The first error of a name that no rule knows. It was judged by the classifier's `unknown`. */
  "error.unclassified": {
    readonly errorName: string;
    readonly verdict: VerdictName;
    readonly error: ErrorSummary;
  };
  /** Something the user gave threw, or made no sense; it changed nothing for the call. */
  "hook.failed": {
    readonly hook: "classifier" | "key" | "idempotent" | "listener" | "fallback" | "audit";
    readonly error: ErrorSummary;
  };
  /** In shadow: the call would have been refused. It ran, and this is how its only attempt ended. */
  "shadow.would_refuse": {
    readonly key?: string;
    readonly guard: string;
    readonly code: ErrorCode;
    readonly verdict: VerdictName;
    /** The refusal would have saved a failure, or would have cost a success; left out where neither is known. */
    readonly wouldHaveBeen?: "right" | "wrong";
  };
  /** In shadow: the call would have waited for room, or for its turn. */
  "shadow.would_wait": { readonly key?: string };
  /** In shadow: the attempt would have been repeated, if the budget had paid for it. */
  "shadow.would_retry": {
    readonly key?: string;
    readonly verdict: VerdictName;
    readonly paid: boolean;
  };
  /** In shadow: the attempt took longer than it would have had. Told once it has ended. */
  "shadow.would_time_out": {
    readonly key?: string;
    readonly tookMs: number;
    readonly limitMs: number;
  };
  /** An operator's override stands from now on. */
  "override.set": OverrideDetails;
  /** It stands no longer: its time was over, or somebody has cleared it. */
  "override.ended": OverrideDetails & {
    readonly ended: "expired" | "cleared";
    readonly endedBy?: string;
    readonly endedWhy?: string;
  };
  /** What an operator asked for acts once, and has acted: circuits and budgets are as new, or overrides are off. */
  "override.acted": OverrideDetails;
  /** It was not allowed, and changed nothing. */
  "override.refused": OverrideDetails & { readonly error: ErrorSummary };
  /** A file of overrides cannot be used: those that stand stay as they are. */
  "overrides.rejected": { readonly source: string; readonly error: ErrorSummary };
  /** The event loop was blocked; the attempts that expired meanwhile are not held against the dependency. */
  "process.stalled": { readonly blockedMs: number };
  /** What a process before this one has saved could not be used: the policy starts clean. */
  "state.discarded": { readonly reason: string };
  /** A policy without a name is being watched. */
  "policy.unnamed": { readonly hint: string };
  /** A running policy has other options from now on. */
  "policy.retuned": {
    readonly revision: number;
    readonly how: "retune" | "tune" | "file" | "code" | "override";
    readonly by?: string;
    readonly why?: string;
    readonly changes: readonly ValueChange[];
  };
  /** A part has other options from now on, for all policies that use it. */
  "guard.retuned": {
    readonly guard: string;
    readonly by?: string;
    readonly why?: string;
    readonly changes: readonly ValueChange[];
  };
  /** A config file has been loaded: these policies have changed. */
  "config.loaded": { readonly file: string; readonly changed: readonly string[] };
  /** A config file has changed and cannot be used: everything stays as it was. */
  "config.rejected": { readonly file: string; readonly problems: readonly string[] };
  /** A connection of a pool has failed: while nobody used it, or in somebody's hands. */
  "client.failed": { readonly state: "idle" | "checked out"; readonly error: ErrorSummary };
  /** A connection that came back could not be used by anybody else. */
  "client.destroyed": { readonly reason: "broken" | "busy" | "in transaction" | "not cancelled" };
  /** The idle connections of a pool lead where nothing is to be had any more: they have been closed. */
  "clients.evicted": { readonly connections: number; readonly error: ErrorSummary };
  /** A statement was given up, and the server was asked to stop it. */
  "statement.cancelled": {
    readonly by: "timeout" | "abort";
    /** Whether the connection could be kept. */
    readonly kept: boolean;
    readonly tookMs: number;
  };
  /** A lock went with its connection, while its holder still worked under it. */
  "lock.lost": { readonly lock: string; readonly error: ErrorSummary };
}

export type EventType = keyof EventDetails;

export type Severity = "error" | "warning" | "info" | "debug";

/** Anything that Breakwater reports. */
export type ResilienceEvent = {
  [T in EventType]: {
    readonly type: T;
    readonly policy: string;
    /** All policies that use the part it happened to. Only to who watches the registry, and only if there are several. */
    readonly policies?: readonly string[];
    /** Of a policy with a canary: which of its calls; not where it happened to what all of them share. */
    readonly cohort?: Cohort;
    /** It happened to books that are kept beside the calls, and changed nothing for any of them. */
    readonly mode?: "shadow";
    readonly severity: Severity;
    /** Wall time, in milliseconds since 1970. */
    readonly at: number;
  } & EventDetails[T];
}[EventType];

export type EventOf<T extends EventType> = Extract<ResilienceEvent, { type: T }>;

/** How grave each is, and whether `'*'` hears it: events of each single call go only to who names them. */
export const EVENTS: {
  readonly [T in EventType]: { readonly severity: Severity; readonly perCall: boolean };
} = {
  /** A rule was met, or the probes failed: calls are refused. */
  "circuit.opened": { severity: "error", perCall: false },
  /** The time is over: probes may try. */
  "circuit.half_opened": { severity: "warning", perCall: false },
  /** The probes succeeded: everybody may pass. */
  "circuit.closed": { severity: "info", perCall: false },
  "keys.overflowed": { severity: "warning", perCall: false },
  "retry.denied": { severity: "warning", perCall: false },
  /** An attempt failed, and another one has been decided and paid for. */
  "retry.scheduled": { severity: "info", perCall: true },
  "call.refused": { severity: "warning", perCall: true },
  /** An attempt has ended, with this verdict. */
  "attempt.settled": { severity: "debug", perCall: true },
  "fallback.used": { severity: "warning", perCall: true },
  "dead_letter.written": { severity: "info", perCall: true },
  "dead_letter.dropped": { severity: "error", perCall: false },
  "dead_letter.failed": { severity: "error", perCall: false },
  "attempt.abandoned": { severity: "warning", perCall: false },
  "error.unclassified": { severity: "warning", perCall: false },
  "hook.failed": { severity: "error", perCall: false },
  "shadow.would_refuse": { severity: "info", perCall: true },
  "shadow.would_wait": { severity: "info", perCall: true },
  "shadow.would_retry": { severity: "info", perCall: true },
  "shadow.would_time_out": { severity: "info", perCall: true },
  "override.set": { severity: "warning", perCall: false },
  "override.ended": { severity: "warning", perCall: false },
  "override.acted": { severity: "warning", perCall: false },
  "override.refused": { severity: "warning", perCall: false },
  "overrides.rejected": { severity: "error", perCall: false },
  "process.stalled": { severity: "warning", perCall: false },
  "state.discarded": { severity: "warning", perCall: false },
  "policy.unnamed": { severity: "info", perCall: false },
  "policy.retuned": { severity: "warning", perCall: false },
  "guard.retuned": { severity: "warning", perCall: false },
  "config.loaded": { severity: "info", perCall: false },
  "config.rejected": { severity: "error", perCall: false },
  "client.failed": { severity: "warning", perCall: false },
  "client.destroyed": { severity: "warning", perCall: false },
  "clients.evicted": { severity: "warning", perCall: false },
  "statement.cancelled": { severity: "warning", perCall: false },
  "lock.lost": { severity: "error", perCall: false },
};
