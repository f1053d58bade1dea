import { Readable } from "../errors/readable.js";
import { formatDuration } from "../time/duration.js";
import type { Parts } from "./assemble.js";
import type { Explanation } from "./explanation.js";
import type { RetryShare } from "./last-hour.js";
import { type Examined, LivePolicy } from "./live-policy.js";
import type { Registry } from "./registry.js";

/** One question to a policy, and its answer. */
export interface CheckupAnswer {
  readonly question:
    | "breaker"
    | "backoff"
    | "budget"
    | "classification"
    | "timeout"
    | "deadline"
    | "idempotency"
    | "owner"
    | "runbook"
    | "mode";
  /** `unknown`: nothing has happened yet that would tell. */
  readonly answer: "yes" | "no" | "unknown";
  readonly reason: string;
  /** What to write, where the answer is no. */
  readonly add?: string;
}

export interface PolicyCheckup {
  readonly policy: string;
  readonly answers: readonly CheckupAnswer[];
}

type Answered = Omit<CheckupAnswer, "question">;

/** What policies look like to somebody who is called at night. Prints as a text; `JSON.stringify` gives the data. */
export class Checkup extends Readable {
  readonly policies: readonly PolicyCheckup[];

  constructor(policies: readonly PolicyCheckup[]) {
    super();
    this.policies = policies;
  }

  toString(): string {
    return this.policies
      .flatMap(({ policy, answers }) => [policy, ...answers.map(lineOf)])
      .join("\n");
  }
}

/**
 * Asks every policy of the process what a review would ask: is there a breaker, do retries wait and are they bounded, are
 * errors known, does everything end, may it be repeated, whom to call. It changes nothing.
 *
 * Shares are those of the last hour, or of the time that can be told: say, since the last checkup.
 *
 * @example
 * console.log(String(checkup(registry)));
 */
export function checkup(registry: Pick<Registry, "policies">): Checkup {
  const live = registry.policies().filter((policy) => policy instanceof LivePolicy);
  return new Checkup(live.map((policy) => ask(policy.examined)));
}

function ask(examined: Examined): PolicyCheckup {
  const answers = Object.entries(QUESTIONS).map(([question, answer]) => ({
    question: question as CheckupAnswer["question"],
    ...answer(examined),
  }));
  return { policy: examined.policy, answers };
}

const yes = (reason: string): Answered => ({ answer: "yes", reason });
const no = (reason: string, add: string): Answered => ({ answer: "no", reason, add });

const QUESTIONS: { readonly [Q in CheckupAnswer["question"]]: (of: Examined) => Answered } = {
  breaker: ({ parts: { breaker } }) =>
    breaker === undefined
      ? no("a failing dependency is called all the same", "circuitBreaker()")
      : yes(breaker.describe()),
  backoff: ({ parts }) => backoffOf(parts),
  budget: ({ parts, lastHour }) => budgetOf(parts, lastHour),
  classification: (of) => classificationOf(of),
  timeout: ({ parts: { timeout } }) =>
    timeout === undefined
      ? no("an attempt may take for ever", "timeout('2s')")
      : yes(timeout.describe()),
  deadline: ({ parts: { deadline } }) =>
    deadline === undefined
      ? no("a call takes as long as its attempts do", "deadline('5s')")
      : yes(deadline.describe()),
  idempotency: ({ parts, explanation: { idempotent } }) => idempotencyOf(parts, idempotent),
  owner: ({ explanation: { owner } }) =>
    owner === undefined ? no("nobody is named", "{ owner: 'team' }") : yes(owner),
  runbook: ({ explanation: { runbook } }) =>
    runbook === undefined ? no("nothing is named", "{ runbook: 'https://…' }") : yes(runbook),
  mode: ({ explanation: { mode } }) =>
    mode === "enforce"
      ? yes("enforce: it protects")
      : no(`${mode}: it protects nothing`, "{ mode: 'enforce' }, and no BREAKWATER_MODE"),
};

function repeats({ retry }: Parts): boolean {
  return (retry?.rules.maxAttempts ?? 1) > 1;
}

function backoffOf(parts: Parts): Answered {
  const { retry } = parts;
  if (retry === undefined || !repeats(parts)) return yes("nothing is repeated");
  const { baseMs, jitter } = retry.rules;
  if (jitter === "none")
    return no("those that fail together come back together", "retry({ jitter: 'full' })");
  if (baseMs === 0) return no("retries begin at once", "retry({ baseMs: '200ms' })");
  return yes(retry.describe());
}

function budgetOf(parts: Parts, { share, calls, overMs }: RetryShare): Answered {
  const { budget } = parts;
  if (!repeats(parts)) return yes("nothing is repeated");
  if (budget === undefined) return no("retries have no bound", "retryBudget({ ratio: 0.2 })");
  const seen =
    calls === 0
      ? "no call"
      : `retries were ${share.toFixed(3)} of ${calls} ${calls === 1 ? "call" : "calls"}`;
  return yes(
    `at most ${budget.rules.ratio} of the calls; ${seen} in the last ${formatDuration(overMs)}`,
  );
}

/** What no rule knows is judged by a guess: repeated, and held against the dependency. */
function classificationOf({ attempts, unknownErrors }: Examined): Answered {
  const { success, late: _, ...failed } = attempts;
  const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
  if (failures === 0)
    return { answer: "unknown", reason: `no attempt has failed yet, of ${success}` };
  const share = (unknownErrors / failures).toFixed(3);
  const reason = `${share} of ${failures} failed attempts were of a kind that no rule knows`;
  return unknownErrors === 0 ? yes(reason) : no(reason, "classify((error) => …)");
}

function idempotencyOf(parts: Parts, idempotent: Explanation["idempotent"]): Answered {
  if (idempotent !== "not declared") return yes(`declared: ${idempotent}`);
  if (!repeats(parts)) return yes("nothing is repeated");
  return no(
    "calls are repeated, and nobody has said that they may be",
    "{ idempotent: true }, or false for writes",
  );
}

function lineOf({ question, answer, reason, add }: CheckupAnswer): string {
  const advice = add === undefined ? "" : `. Add ${add}`;
  return `  ${question.padEnd(16)}${answer.padEnd(9)}${reason}${advice}`;
}
