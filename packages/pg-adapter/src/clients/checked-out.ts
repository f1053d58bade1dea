import type { Policy } from "@breakwater/core";
import type { PoolClient, QueryResult } from "pg";
import { judgePgError } from "../classify/judge.js";
import { markPhase } from "../classify/phases.js";
import { pgRules } from "../classify/rules.js";
import { msOf } from "../options/check.js";
import { refuseToRepeat } from "../options/query-options.js";
import type { Guarded } from "../pool/guarded.js";
import type { Answered, Submit } from "../connection/inside.js";
import { type Cancelled, Running, type StatementOwner } from "../query/running.js";
import { type Statement, statementOf } from "../query/statement.js";
import { submitStatement } from "../query/submit.js";
import { sessionOf } from "../connection/session.js";
import { Turns } from "../connection/turns.js";

/** Clients whose statement is being cancelled: nothing else may run on them until that is done. */
const settling = new WeakMap<PoolClient, Promise<void>>();

export function settlingOf(client: PoolClient): Promise<void> | undefined {
  return settling.get(client);
}

/** Clients of calls that tell the policy themselves what came of all their statements. */
const spokenFor = new WeakSet<PoolClient>();

/** From now on until the function is called that it gives. */
export function speakFor(client: PoolClient): () => void {
  spokenFor.add(client);
  return () => void spokenFor.delete(client);
}

/**
 * Puts the time limit and the caller's signal on the statements of a client, and has the circuit hear of those that were
 * lost. Nothing is repeated: only who has the client knows what belongs together. Gives the way back.
 */
export function guardClient(guarded: Guarded, client: PoolClient): () => void {
  if (client.pipeline) return () => {}; // several run at once: nobody could say which one a cancel hits
  const submit = guarded.submitOf(client);
  const turns = new Turns(sessionOf(client));
  const query = (config: unknown, values: unknown, callback: unknown): unknown => {
    let statement: Statement | undefined;
    try {
      statement = hasOwnCallback(config) ? undefined : statementOf(config, values, callback);
      refuseToRepeat(statement?.asked, sessionOf(client).isInTransaction);
    } catch (error) {
      return Promise.reject(error);
    }
    return statement === undefined
      ? passThrough(turns, () => submit(config, values, callback as Answered), config)
      : runInTurn(turns, guarded, client, statement);
  };
  Object.defineProperty(client, "query", { value: query, configurable: true, writable: true });
  return () => void Reflect.deleteProperty(client, "query");
}

/** pg answers for it. A cursor or a stream is its own answer; it is submitted when its turn comes. */
function passThrough(turns: Turns, submit: () => unknown, config: unknown): unknown {
  let answer: unknown = config;
  turns.take((done) => {
    try {
      answer = submit();
    } finally {
      done();
    }
  });
  return answer;
}

function runInTurn(
  turns: Turns,
  guarded: Guarded,
  client: PoolClient,
  statement: Statement,
): Promise<QueryResult> | void {
  const submit = guarded.submitOf(client);
  const begin = (answered: Answered): void => {
    const mine = new ClientStatement(guarded, client, statement, answered);
    turns.take((done) => mine.begin(submit, done));
    mine.waitForTurn();
  };
  if (statement.callback !== undefined) return begin(statement.callback);
  return new Promise<QueryResult>((resolve, reject) => {
    begin((error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** pg takes a callback in the config, too. */
function hasOwnCallback(config: unknown): boolean {
  return typeof (config as { callback?: unknown } | null)?.callback === "function";
}

class ClientStatement implements StatementOwner {
  readonly #guarded: Guarded;
  readonly #client: PoolClient;
  readonly #statement: Statement;
  readonly #answered: Answered;
  /** The next one may begin. Undefined until its own turn has come. */
  #done: (() => void) | undefined = undefined;
  #isGivenUp = false;
  #settled: (() => void) | undefined = undefined;

  constructor(guarded: Guarded, client: PoolClient, statement: Statement, answered: Answered) {
    this.#guarded = guarded;
    this.#client = client;
    this.#statement = statement;
    this.#answered = answered;
  }

  /** Whoever gives it up need not wait for those before it. */
  waitForTurn(): void {
    const signal = this.#statement.asked?.signal;
    if (this.#done !== undefined || signal === undefined) return;
    if (signal.aborted) this.handleEvent();
    else signal.addEventListener("abort", this, { once: true });
  }

  /** It has not been sent. */
  handleEvent(): void {
    this.#isGivenUp = true;
    this.#answered(this.#statement.asked?.signal?.reason as Error, undefined as never);
  }

  begin(submit: Submit, done: () => void): void {
    this.#done = done;
    const { asked } = this.#statement;
    const { statementMs } = this.#guarded.limits;
    const signal = asked?.signal;
    signal?.removeEventListener("abort", this);
    if (this.#isGivenUp) return done();
    if (signal?.aborted === true) return this.#end(signal.reason as Error, undefined as never);
    const ms = asked?.statementMs === undefined ? statementMs : msOf(asked.statementMs);
    const limits = this.#guarded.limitsFor(ms, signal);
    new Running(this.#client, submit, limits, this).begin((answered) =>
      submitStatement(submit, this.#statement, answered),
    );
  }

  ended(error: Error | null | undefined, result: QueryResult): void {
    if (error) this.#heard(error);
    this.#end(error, result);
  }

  /** Its caller would go on with a ROLLBACK, and the cancel might hit that. */
  gaveUp(): void {
    settling.set(this.#client, new Promise((resolve) => (this.#settled = resolve)));
  }

  settled(error: unknown, cancelled: Cancelled): void {
    settling.delete(this.#client);
    this.#guarded.cancelled(cancelled, error);
    if (cancelled.by === "timeout") this.#tell(error);
    this.#settled?.();
    this.#end(error as Error, undefined as never);
  }

  /** A callback may throw: the next one begins all the same. */
  #end(error: Error | null | undefined, result: QueryResult): void {
    try {
      this.#answered(error, result);
    } finally {
      this.#done?.();
    }
  }

  #tell(error: unknown): void {
    if (!spokenFor.has(this.#client)) void tellPolicy(this.#guarded.policy, error);
  }

  #heard(error: unknown): void {
    const judged = judgePgError(error, "transaction");
    if (judged === undefined || judged.connection === "kept") return;
    markPhase(error, "transaction");
    if (judged.verdict !== "permanent") this.#tell(error);
    if (judged.connection === "all destroyed") this.#guarded.evict(error);
  }
}

/** The circuit would learn of nothing else where an ORM does all its work on clients of its own. */
async function tellPolicy(policy: Policy, error: unknown): Promise<void> {
  try {
    await policy.execute(
      () => {
        throw error;
      },
      { classify: pgRules, maxAttempts: 1 },
    );
  } catch {
    // Whoever asked has the error already.
  }
}
