import { STOPPED } from "../engine/report.js";
import { ERRORS } from "../errors/errors.js";
import type { ErrorSummary } from "../errors/summary.js";
import type { EventOf, EventType, ResilienceEvent } from "../events/catalog.js";
import { formatDuration } from "../time/duration.js";

/** What happened, as a sentence for people. */
export function sentenceOf(event: ResilienceEvent): string {
  const sentence = (SENTENCES[event.type] as (event: ResilienceEvent) => string)(event);
  return event.mode === "shadow" ? `in shadow: ${sentence}` : sentence;
}

const SENTENCES: { readonly [T in EventType]: (event: EventOf<T>) => string } = {
  "circuit.opened": (event) => {
    const are = event.mode === "shadow" ? "would be" : "are";
    const cause = event.cause === undefined ? "" : `; the last was ${textOf(event.cause)}`;
    return `${circuitOf(event)} opened: ${ruleMet(event)} (${event.reason})${cause}; calls ${are} refused for ${formatDuration(event.openMs)}`;
  },
  "circuit.half_opened": (event) =>
    `${circuitOf(event)} is half-open: ${event.probes === 1 ? "1 probe tries" : `${event.probes} probes try`} the dependency`,
  "circuit.closed": (event) =>
    `${circuitOf(event)} closed: its probes succeeded; it had opened for ${formatDuration(event.openedForMs)}`,
  "keys.overflowed": ({ guard, maxKeys }) =>
    `${guard} has more than ${maxKeys} keys (maxKeys): new ones share one state`,
  "retry.denied": ({ policy, key, attempt, by }) =>
    `${policy} did not make attempt ${attempt}${at(key)}: ${STOPPED[by]}`,
  "retry.scheduled": ({ policy, key, attempt, delayMs, verdict }) =>
    `${policy} makes attempt ${attempt}${at(key)} in ${formatDuration(delayMs)}: the last one was ${verdict}`,
  "call.refused": ({ policy, key, guard, code, retryAfterMs, count }) => {
    const calls = count === 1 ? "a call" : `${count} calls`;
    const by = guard === undefined ? code : `${code} by ${guard}`;
    const again = retryAfterMs > 0 ? `; ask again in ${formatDuration(retryAfterMs)}` : "";
    return `${policy} refused ${calls}${at(key)}: ${ERRORS[code].means} (${by})${again}`;
  },
  "fallback.used": ({ policy, key, verdict, error }) =>
    `${policy} answers${at(key)} by its fallback: the call was ${verdict} (${error.name}: ${error.message})`,
  "dead_letter.written": ({ policy, key, id, stoppedBy }) =>
    `${policy} wrote dead letter ${id}${at(key)}: ${STOPPED[stoppedBy]}`,
  "dead_letter.dropped": ({ policy, reason, count }) =>
    `${policy} lost ${count === 1 ? "a dead letter" : `${count} dead letters`}: ${LOST[reason]}`,
  "dead_letter.failed": ({ policy, during, id, error }) =>
    `${policy} may have lost ${id === undefined ? "a dead letter" : `dead letter ${id}`}: ${FAILING[during]} failed: ${textOf(error)}`,
  "attempt.settled": ({ policy, key, attempt, verdict }) =>
    `${policy} ended attempt ${attempt}${at(key)}: ${verdict}`,
  "attempt.abandoned": ({ guard, key, ranForMs }) =>
    `bulkhead ${guard}${at(key)} gave up work that went on for ${formatDuration(ranForMs)} after its attempt: its permit is free again`,
  "error.unclassified": ({ policy, verdict, error }) =>
    `${policy} met an error that no rule knows, and takes it for ${verdict}: ${textOf(error)}`,
  "hook.failed": ({ policy, hook, error }) =>
    `a hook of ${policy} failed (${hook}), and changed nothing for the call: ${textOf(error)}`,
  "shadow.would_refuse": ({ policy, key, guard, code, verdict, wouldHaveBeen }) => {
    const hindsight =
      wouldHaveBeen === undefined ? "" : `, so that would have been ${wouldHaveBeen}`;
    return `${policy} would have refused a call${at(key)} (${code} by ${guard}); it was ${verdict}${hindsight}`;
  },
  "shadow.would_wait": ({ policy, key }) => `${policy} would have let a call${at(key)} wait`,
  "shadow.would_retry": ({ policy, key, verdict, paid }) => {
    const would = paid ? "would have repeated" : "would have had no budget to repeat";
    return `${policy} ${would} an attempt${at(key)} that was ${verdict}`;
  },
  "shadow.would_time_out": ({ policy, key, tookMs, limitMs }) =>
    `${policy} would have cut an attempt${at(key)} short after ${formatDuration(limitMs)}: it took ${formatDuration(tookMs)}`,
  "process.stalled": ({ blockedMs }) =>
    `the event loop was blocked for ${formatDuration(blockedMs)}: attempts that expired meanwhile are not held against the dependency`,
  "lock.lost": ({ lock, error }) =>
    `lock ${JSON.stringify(lock)} was lost with its connection, and somebody else may hold it: ${textOf(error)}`,
  "policy.unnamed": ({ policy, hint }) => `${policy} has no name: ${hint}`,
  "client.failed": ({ policy, state, error }) =>
    `${policy} lost a connection that was ${state}: ${textOf(error)}`,
  "client.destroyed": ({ policy, reason }) =>
    `${policy} got a connection back that was ${reason}, and closed it`,
  "clients.evicted": ({ policy, connections, error }) =>
    `${policy} closed ${connections === 1 ? "1 idle connection" : `${connections} idle connections`}: ${textOf(error)}`,
  "statement.cancelled": ({ policy, by, kept, tookMs }) =>
    `${policy} gave up a statement (${by}) and had it cancelled within ${formatDuration(tookMs)}: its connection was ${kept ? "kept" : "closed"}`,
};

const LOST: { readonly [R in EventOf<"dead_letter.dropped">["reason"]]: string } = {
  waiting: "too many wait for the sink",
  size: "the payload is larger than maxPayloadBytes",
  sink: "the sink is full",
};

const FAILING: { readonly [D in EventOf<"dead_letter.failed">["during"]]: string } = {
  payload: "its payload function",
  redact: "its redact function",
  write: "the sink",
  flush: "the flush of the sink",
};

const RULES: { readonly [R in EventOf<"circuit.opened">["reason"]]: (least: number) => string } = {
  consecutiveFailures: (least) => (least === 1 ? "1 failure" : `${least} failures in a row`),
  failureRatio: (least) => `${share(least)} attempts failed`,
  slowCallRatio: (least) => `${share(least)} attempts were slow`,
  timeoutRatio: (least) => `${share(least)} attempts timed out`,
  probes: () => "its probes failed",
};

function ruleMet({ reason, threshold = 0 }: EventOf<"circuit.opened">): string {
  return RULES[reason](threshold);
}

function share(ratio: number): string {
  return ratio === 1 ? "all" : `a share of at least ${ratio} of the`;
}

/** Whose circuit it is, where its own name does not say so. */
function circuitOf(event: EventOf<"circuit.opened" | "circuit.half_opened" | "circuit.closed">) {
  const { guard, key, policy, policies = [policy] } = event;
  const others = policies.filter((name) => name !== guard);
  const listed = others.length > 3 ? [...others.slice(0, 2), `${others.length - 2} more`] : others;
  const of = listed.length === 0 ? "" : ` of ${listed.join(", ")}`;
  return `circuit ${guard}${of}${at(key)}`;
}

function at(key: string | undefined): string {
  return key === undefined ? "" : ` at ${JSON.stringify(key)}`;
}

function textOf({ name, code, message }: ErrorSummary): string {
  const what = code === undefined ? name : `${name} ${code}`;
  return message === "" ? what : `${what}: ${message.replaceAll(/\s+/g, " ")}`;
}
