import { ignoreRejection } from "../../errors/hooks.js";
import { type ErrorSummary, summarize } from "../../errors/summary.js";
import type { StoppedBy } from "../../events/catalog.js";
import type { Events } from "../../events/events.js";
import { clock } from "../../time/clock.js";
import { uuid } from "../../time/random.js";
import type { AttemptReport } from "../report.js";

/** A call that was given up on, as plain JSON: what it wanted, and how it ended. */
export interface DeadLetterRecord {
  readonly version: 1;
  /** Unique; a record that is written twice has the same one. */
  readonly id: string;
  readonly policy: string;
  readonly key?: string;
  /** When the call ended: wall time, in milliseconds since 1970. */
  readonly at: number;
  readonly stoppedBy: StoppedBy;
  /** What the caller got; its message has been through `redact`. */
  readonly error: ErrorSummary;
  /** Each attempt with its verdict, its error, and the wait after it. */
  readonly attempts: readonly AttemptReport[];
  /** There if the task has asked for it: a replay that sends it again is the same request to the dependency. */
  readonly idempotencyKey?: string;
  /** What `payload` returned; `null` if that was nothing. */
  readonly payload: unknown;
}

/** A call that has ended without success, after its task ran. */
export interface EndedCall {
  readonly policy: string;
  readonly events: Events;
  readonly key: string | undefined;
  readonly task: object;
  readonly args: readonly unknown[] | undefined;
  readonly idempotencyKey: string | undefined;
  readonly history: Troubles;
  readonly stoppedBy: StoppedBy;
}

/** What went wrong in the call. */
interface Troubles {
  readonly outcome: { readonly value: unknown };
  readonly isFailure: boolean;
  attempts(summary: (error: unknown) => ErrorSummary): readonly AttemptReport[];
}

/** What users say about the content of a record. */
export interface ContentRules {
  readonly payload: (...args: never[]) => unknown;
  readonly redact: (text: string) => string;
  readonly maxPayloadBytes: number;
}

/** Which of the user's hooks failed. */
export class HookFailure {
  readonly during: "payload" | "redact";
  readonly error: unknown;

  constructor(during: HookFailure["during"], error: unknown) {
    this.during = during;
    this.error = error;
  }
}

/** Taken at once: what the caller does with its arguments later is not in it. "too large" is the payload. */
export function recordOf(
  call: EndedCall,
  rules: ContentRules,
): DeadLetterRecord | HookFailure | "too large" {
  const payload = payloadOf(call.args ?? [], rules);
  if (payload === "too large" || payload instanceof HookFailure) return payload;
  try {
    return { ...factsOf(call, rules.redact), payload: payload.data };
  } catch (error) {
    return new HookFailure("redact", error);
  }
}

function factsOf(
  { policy, key, idempotencyKey, history, stoppedBy }: EndedCall,
  redact: ContentRules["redact"],
): Omit<DeadLetterRecord, "payload"> {
  const summary = (error: unknown): ErrorSummary => summarize(error, textBy(redact));
  return {
    version: 1,
    id: uuid(),
    policy,
    ...(key === undefined ? {} : { key }),
    at: clock.wallMs(),
    stoppedBy,
    error: summary(history.outcome.value),
    attempts: history.attempts(summary),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

/** Nothing goes out that `redact` has not turned into a text. */
function textBy(redact: ContentRules["redact"]): (text: string) => string {
  return (text) => {
    const redacted: unknown = redact(text);
    if (typeof redacted === "string") return redacted;
    ignoreRejection(redacted);
    throw new TypeError(`redact returned ${typeof redacted}; it must return a text`);
  };
}

function payloadOf(
  args: readonly unknown[],
  { payload, maxPayloadBytes }: ContentRules,
): { readonly data: unknown } | HookFailure | "too large" {
  try {
    const returned = payload(...(args as never[]));
    ignoreRejection(returned);
    if (returned instanceof Promise) throw new TypeError("payload returned a promise");
    const json = (JSON.stringify(returned) as string | undefined) ?? "null";
    if (Buffer.byteLength(json) > maxPayloadBytes) return "too large";
    return { data: JSON.parse(json) as unknown };
  } catch (error) {
    return new HookFailure("payload", error);
  }
}
