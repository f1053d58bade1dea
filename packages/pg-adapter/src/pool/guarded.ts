import { Lane, laneOf, type Policy, reportEvent, summaryOf } from "@breakwater/core";
import type { Pool, PoolClient } from "pg";
import { judgePgError } from "../classify/judge.js";
import { phaseOf } from "../classify/phases.js";
import { sessionOf } from "../connection/session.js";
import type { Limits } from "../options/pool-options.js";
import type { Cancelled, StatementLimits } from "../query/running.js";
import { type AcquireLimit, Acquisition, type Connect, GRACE_MS } from "./acquire.js";
import { evictIdle } from "./evict.js";
import type { Connected, Submit } from "../connection/inside.js";

/** What can be ended from outside. */
interface Abortable {
  abort(reason: unknown): void;
}

/** Why a connection cannot go back to the pool. */
type Flaw = "broken" | "busy" | "in transaction" | "not cancelled";

/** A pool and what becomes of its connections: how they are acquired, taken back, and thrown away. */
export class Guarded implements Abortable {
  readonly pool: Pool;
  readonly policy: Policy;
  readonly limits: Limits;
  /** The connections that have been ready once, and not been removed since; with the statement of ours that runs on each. */
  readonly connected: Map<PoolClient, Abortable | undefined> = new Map();
  readonly #connect: Connect;
  readonly #acquire: AcquireLimit | undefined;
  readonly #statements: Lane | undefined;
  readonly #waiting = new Set<Acquisition>();
  readonly #submits = new WeakMap<PoolClient, Submit>();

  constructor(pool: Pool, policy: Policy, limits: Limits, connect: Connect) {
    this.pool = pool;
    this.policy = policy;
    this.limits = limits;
    this.#connect = connect;
    const { acquireMs, statementMs } = limits;
    this.#acquire =
      acquireMs === undefined ? undefined : { acquireMs, lane: laneOf(acquireMs + GRACE_MS) };
    this.#statements = statementMs === undefined ? undefined : laneOf(statementMs);
  }

  acquire(done: Connected): Acquisition {
    const { pool, connected } = this;
    const acquisition = new Acquisition(pool, connected, this.#acquire, this.#waiting, done);
    acquisition.begin(this.#connect);
    return acquisition;
  }

  /** A drain has lost its patience. What has a signal of its own hears of it twice. */
  abort(reason: unknown): void {
    for (const acquisition of this.#waiting) acquisition.giveUp(reason);
    for (const statement of this.connected.values()) statement?.abort(reason);
  }

  /** Until the connection is taken back. */
  runs(client: PoolClient, statement: Abortable): void {
    this.connected.set(client, statement);
  }

  /** pg's own `query` of this client, whatever stands before it now. */
  submitOf(client: PoolClient): Submit {
    const known = this.#submits.get(client);
    if (known !== undefined) return known;
    const submit = client.query.bind(client) as Submit;
    this.#submits.set(client, submit);
    return submit;
  }

  limitsFor(statementMs: number | undefined, signal: AbortSignal | undefined): StatementLimits {
    const { policy, limits } = this;
    const lane = statementMs === limits.statementMs ? this.#statements : ownLane(statementMs);
    return { policy: policy.name, statementMs, lane, cancelMs: limits.cancelMs, signal };
  }

  /** An error of the statement alone leaves its connection as good as it was. */
  takeBack(client: PoolClient, release: (error?: unknown) => void, error: unknown): void {
    if (this.connected.has(client)) this.connected.set(client, undefined);
    const judged = error ? judgePgError(error, phaseOf(error)) : undefined;
    const flaw = judged !== undefined && judged.connection !== "kept" ? "broken" : flawOf(client);
    release(flaw === undefined ? undefined : (error ?? true));
    if (flaw !== undefined) reportEvent(this.policy, "client.destroyed", { reason: flaw });
    if (judged?.connection === "all destroyed") this.evict(error);
  }

  evict(error: unknown): void {
    const connections = evictIdle(this.pool);
    if (connections > 0)
      reportEvent(this.policy, "clients.evicted", { connections, error: summaryOf(error) });
  }

  cancelled({ by, kept, tookMs }: Cancelled, error: unknown): void {
    reportEvent(this.policy, "statement.cancelled", { by, kept, tookMs });
    if (!kept) this.evict(error);
  }

  /** A server that says itself that it is going, or that it is not there yet, cannot be reached by other ways either. */
  failedToConnect(error: unknown): void {
    const judged = judgePgError(error, "acquire");
    if (judged?.connection === "all destroyed" && sqlStateGiven(error)) this.evict(error);
  }
}

/** Of a statement with a time limit of its own. */
function ownLane(ms: number | undefined): Lane | undefined {
  return ms === undefined ? undefined : new Lane(ms);
}

function sqlStateGiven(error: unknown): boolean {
  return typeof (error as { severity?: unknown } | undefined)?.severity === "string";
}

export function flawOf(client: PoolClient): Flaw | undefined {
  const session = sessionOf(client);
  if (session.isCut) return "not cancelled";
  if (session.isGone) return "broken";
  if (!session.isReady) return "busy";
  return session.isInTransaction ? "in transaction" : undefined;
}
