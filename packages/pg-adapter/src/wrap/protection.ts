// oxlint-disable promise/no-callback-in-promise -- callbacks are half of what pg offers
import {
  type Call,
  type CallOptions,
  type Policy,
  runningCall,
  tellOfDrain,
} from "@breakwater/core";
import type { Pool, PoolClient, QueryResult } from "pg";
import { pgRules } from "../classify/rules.js";
import { markPhase } from "../classify/phases.js";
import { guardClient } from "../clients/checked-out.js";
import { lend } from "../clients/lend.js";
import { Watch } from "../clients/watch.js";
import { msOf } from "../options/check.js";
import { limitsOf, type PoolOptions } from "../options/pool-options.js";
import type { QueryResilience } from "../options/query-options.js";
import type { Connect } from "../pool/acquire.js";
import { Guarded } from "../pool/guarded.js";
import { type Answered, type Connected, clientsOf } from "../connection/inside.js";
import type { Source } from "../policy/source.js";
import { QueryAttempt } from "../pool/query-attempt.js";
import { type Statement, statementOf } from "../query/statement.js";

type Query = (...args: readonly unknown[]) => unknown;
type Lent = readonly [PoolClient, (error?: unknown) => void];

const attached = new WeakMap<Pool, Protection>();

/** What stands before this pool; undefined for one that is not wrapped. */
export function protectionOf(pool: Pool): Protection | undefined {
  return attached.get(pool);
}

/** What stands between a pool and whoever uses it. */
export class Protection {
  readonly #pool: Pool;
  readonly #policy: Policy;
  readonly #options: PoolOptions;
  readonly #guarded: Guarded;
  readonly #connect: Connect;
  readonly #query: Query;
  readonly #watch: Watch;
  readonly #own: readonly (readonly [string, PropertyDescriptor | undefined])[];
  readonly #timeoutBefore: number | undefined;
  readonly #acquiring: CallOptions = { classify: pgRules, idempotent: true };
  /** Of statements that ask for nothing of their own. */
  readonly #usual: CallOptions;

  constructor(pool: Pool, { policy, options }: Source) {
    this.#pool = pool;
    this.#policy = policy;
    this.#options = options;
    this.#usual = callOptions(options, undefined, options.enforceReadOnly, undefined);
    // oxlint-disable typescript/unbound-method, typescript/no-unnecessary-type-assertion -- called on the pool; overloads fit no single type
    this.#connect = pool.connect as unknown as Connect;
    this.#query = pool.query as unknown as Query;
    // oxlint-enable typescript/unbound-method, typescript/no-unnecessary-type-assertion
    this.#timeoutBefore = pool.options.connectionTimeoutMillis;
    const limits = limitsOf(options, pool.options);
    this.#guarded = new Guarded(pool, policy, limits, this.#connect);
    this.#watch = new Watch(this.#guarded, (client) => guardClient(this.#guarded, client));
    this.#own = ["connect", "query"].map((name) => [
      name,
      Object.getOwnPropertyDescriptor(pool, name),
    ]);
  }

  attach(): void {
    attached.set(this.#pool, this);
    this.#put("connect", (done?: Connected) => this.#connectFor(done));
    this.#put("query", (...args: readonly unknown[]) => this.#queryFor(args));
    // pg closes what does not connect only if it has a limit of its own.
    const { acquireMs = 0 } = this.#guarded.limits;
    this.#pool.options.connectionTimeoutMillis = acquireMs;
    this.#watch.begin(clientsOf(this.#pool));
    tellOfDrain(this.#policy, this.#guarded);
  }

  /** The pool is as it was. What runs ends as it began. */
  detach(): void {
    attached.delete(this.#pool);
    for (const [name, before] of this.#own) {
      if (before === undefined) Reflect.deleteProperty(this.#pool, name);
      else Object.defineProperty(this.#pool, name, before);
    }
    const { options } = this.#pool;
    if (this.#timeoutBefore === undefined)
      Reflect.deleteProperty(options, "connectionTimeoutMillis");
    else options.connectionTimeoutMillis = this.#timeoutBefore;
    this.#watch.end();
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** A connection for a call of the policy that runs already: one try, which the policy hears of by that call only. */
  async acquire(signal: AbortSignal): Promise<PoolClient> {
    const [client] = await this.#lend(signal);
    return client;
  }

  #put(name: "connect" | "query", value: unknown): void {
    Object.defineProperty(this.#pool, name, { value, configurable: true, writable: true });
  }

  #connectFor(done: Connected | undefined): Promise<PoolClient> | void {
    if (this.#pool.ending) return this.#connect.call(this.#pool, done as Connected);
    const outer = runningCall()?.signal;
    const options = outer === undefined ? this.#acquiring : { ...this.#acquiring, signal: outer };
    const lent = this.#policy.execute((call) => this.#lend(signalOf(call, outer)), options);
    if (done === undefined) return lent.then(([client]) => client);
    lent.then(
      ([client, release]) => queueMicrotask(() => done(undefined, client, release)),
      (error: Error) => queueMicrotask(() => done(error, undefined, () => {})),
    );
  }

  #lend(signal: AbortSignal | undefined): Promise<Lent> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => acquisition.giveUp(signal?.reason);
      const acquisition = this.#guarded.acquire((error, client, release) => {
        signal?.removeEventListener("abort", giveUp);
        if (client !== undefined) return resolve([client, lend(this.#guarded, client, release)]);
        markPhase(error, "acquire");
        this.#guarded.failedToConnect(error);
        reject(error);
      });
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  #queryFor(args: readonly unknown[]): unknown {
    let statement: Statement | undefined;
    try {
      statement = statementOf(args[0], args[1], args[2]);
    } catch (error) {
      return Promise.reject(error);
    }
    if (statement === undefined || this.#pool.ending)
      return this.#query.apply(this.#pool, [...args]);
    const answer = this.#run(statement);
    if (statement.callback === undefined) return answer.catch(fromHere);
    callBack(answer, statement.callback);
    return undefined;
  }

  #run(statement: Statement): Promise<QueryResult> {
    const { asked } = statement;
    const { statementMs: usualMs } = this.#guarded.limits;
    const statementMs = asked?.statementMs === undefined ? usualMs : msOf(asked.statementMs);
    const isReadOnly = asked?.enforceReadOnly ?? this.#options.enforceReadOnly ?? false;
    const outer = callerOf(asked?.signal);
    return this.#policy.execute(
      (call) =>
        new Promise<QueryResult>((resolve, reject) => {
          const signal = signalOf(call, outer);
          const of = { statement, isReadOnly, statementMs, signal };
          new QueryAttempt(this.#guarded, of, resolve, reject).begin();
        }),
      asked === undefined && outer === undefined
        ? this.#usual
        : callOptions(this.#options, asked, isReadOnly, outer),
    );
  }
}

function callOptions(
  { readOnly = false, idempotent = false }: PoolOptions,
  asked: QueryResilience | undefined,
  isReadOnly = false,
  signal: AbortSignal | undefined,
): CallOptions {
  return {
    classify: pgRules,
    idempotent: isReadOnly || (asked?.readOnly ?? readOnly) || (asked?.idempotent ?? idempotent),
    signal,
    deadlineMs: asked?.deadlineMs,
    maxAttempts: asked?.maxAttempts,
  };
}

/** Whoever may give a statement up: its caller by signal, or the call around it. */
function callerOf(asked: AbortSignal | undefined): AbortSignal | undefined {
  const around = runningCall()?.signal;
  if (asked === undefined || around === undefined) return asked ?? around;
  return AbortSignal.any([asked, around]);
}

/** A signal of the attempt's own is made only where something may end the attempt. */
function signalOf(call: Call, outer: AbortSignal | undefined): AbortSignal | undefined {
  return outer === undefined && call.remainingMs === undefined ? undefined : call.signal;
}

/** As pg does it: the stack shows who has asked, and not the socket. */
function fromHere(error: unknown): never {
  if (error instanceof Error && typeof (error as { severity?: unknown }).severity === "string")
    Error.captureStackTrace(error);
  throw error;
}

/** What a callback throws is nobody's rejection. */
function callBack(answer: Promise<QueryResult>, callback: Answered): void {
  answer.then(
    (result) => queueMicrotask(() => callback(undefined, result)),
    (error: Error) => queueMicrotask(() => callback(error, undefined as never)),
  );
}
