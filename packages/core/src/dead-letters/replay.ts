import { markReplayed } from "../engine/dead-letters/replayed.js";
import { explainError } from "../engine/report.js";
import { isRefusal } from "../errors/errors.js";
import { type ErrorSummary, summarize } from "../errors/summary.js";
import {
  either,
  fieldOf,
  flag,
  fn,
  integer,
  invalidSpec,
  issueOf,
  type Parsed,
  parseOptions,
  type Schema,
} from "../parts/options.js";
import type { Policy } from "../policy/policy.js";
import { resilient } from "../policy/registry.js";
import * as v from "valibot";
import type { DeadLetterRecord } from "../engine/dead-letters/record.js";
import type { DeadLetterClaim, DeadLetterStore, StoredDeadLetter } from "./store.js";

/** What became of one record. */
export interface ReplayedLetter {
  readonly id: string;
  readonly outcome: "done" | "failed" | "parked" | "claimed" | "refused" | "would run";
  /** Of all replays so far. */
  readonly failures: number;
  readonly error?: ErrorSummary;
}

/** What became of all of them. */
export interface ReplayReport {
  /** They succeeded, and are not run again. */
  readonly done: number;
  /** They failed, and stay. */
  readonly failed: number;
  /** They have failed `parkAfter` times and were left alone, now or before; `parked: true` runs them. */
  readonly parked: number;
  /** Another replay had them, or had just finished them. */
  readonly claimed: number;
  /** The policy refused to run them; they stay as they were. */
  readonly refused: number;
  /** What a dry run would have run. */
  readonly wouldRun: number;
  /** Pieces in the store that are no complete records. */
  readonly damaged: number;
}

/** Which records are run again, and how many. */
export interface ReplayOptions {
  /** Where they are. */
  readonly from: DeadLetterStore;
  /** Which of them. Default those of this policy, by name. */
  readonly filter?: (letter: StoredDeadLetter) => boolean;
  /** At most so many are run. 1 to 1,000,000,000; default all. */
  readonly limit?: number;
  /** Says what would be run; runs, claims and changes nothing. Default false. */
  readonly dryRun?: boolean;
  /** So many failed replays park a record. 1 to 1,000; default 5. */
  readonly parkAfter?: number;
  /** Runs parked records, too. Default false. */
  readonly parked?: boolean;
  /** Told of each record as it ends. */
  readonly onProgress?: (letter: ReplayedLetter) => void;
  /** Ends the replay: the record that runs is told, and no other begins. */
  readonly signal?: AbortSignal;
}

const method = (value: unknown, name: string): boolean =>
  typeof value === "object" && value !== null && typeof Reflect.get(value, name) === "function";
const isStore = (value: unknown): boolean => method(value, "list") && method(value, "claim");
const from = v.pipe(
  v.custom<DeadLetterStore>(isStore, "a store: an object with list() and claim(id)"),
  v.metadata({
    doc: { type: "store", bounds: "", default: "required", meaning: "where the records are" },
  }),
);
const isSignal = (value: unknown): boolean => method(value, "addEventListener");

const fields = {
  from: fieldOf<DeadLetterStore>(from),
  filter: fn<NonNullable<ReplayOptions["filter"]>>({
    meaning: "which of them",
    default: "those of this policy",
  }),
  limit: integer(1, 1_000_000_000, undefined, {
    meaning: "at most so many are run",
    default: "all",
  }),
  dryRun: flag(false, { meaning: "says what would be run; runs, claims and changes nothing" }),
  parkAfter: integer(1, 1_000, 5, { meaning: "so many failed replays park a record" }),
  parked: flag(false, { meaning: "runs parked records, too" }),
  onProgress: fn<NonNullable<ReplayOptions["onProgress"]>>({
    meaning: "told of each record as it ends",
  }),
  signal: either(fieldOf(v.custom<AbortSignal>(isSignal, "an AbortSignal")), {
    type: "signal",
    bounds: "",
    default: "none",
    meaning: "ends the replay: the record that runs is told, and no other begins",
  }),
} as const;

export const replaySchema: Schema<typeof fields> = {
  title: "replay",
  fields,
  peerNames: { max: () => "limit", source: () => "from", store: () => "from", sink: () => "from" },
};

/** Runs a record again; resolves when it has succeeded. `signal` and `attempt` are those of the policy's call. */
export type ReplayHandler<P = unknown> = (
  payload: P,
  record: DeadLetterRecord,
  call: { readonly signal: AbortSignal; readonly attempt: number },
) => unknown;

/**
 * Runs dead letters again, through their policy: its breaker, rate limit and budget hold for them as for all calls.
 * Oldest first, one at a time, each claimed by its id, so that replays that run at once share the work. A record runs at
 * least once: one whose process is killed before it is marked runs again, so the handler must bear that.
 *
 * A call that the policy would refuse now waits until it would be admitted. What fails stays with its count and writes
 * no second letter; after `parkAfter` failures it is parked, and never lost.
 *
 * @param operation the policy, or the name of a defined one.
 * @param handler gets payload, record and call. It is what the policy protects, not something that is itself protected by it.
 * @returns what became of the records.
 * @throws BreakwaterError `ERR_INVALID_SPEC`, `ERR_UNKNOWN_POLICY`; the reason of `signal`; what the store, `filter` or
 * `onProgress` throws.
 * @example
 * const report = await replay(billing, (order: Order) => sendOrder(order), { from: sink, limit: 100 });
 */
export async function replay<P = unknown>(
  operation: Policy | string,
  handler: ReplayHandler<P>,
  options: ReplayOptions,
): Promise<ReplayReport> {
  const policy = typeof operation === "string" ? resilient(operation) : operation;
  if (typeof handler !== "function")
    throw invalidSpec([issueOf("replay.handler", "a function of payload and record", handler)]);
  const replayed = new Replay(
    policy,
    handler as ReplayHandler,
    parseOptions(replaySchema, options),
  );
  return replayed.run();
}

class Replay {
  readonly #policy: Policy;
  readonly #handler: ReplayHandler;
  readonly #options: Parsed<typeof fields>;
  #begun = 0;
  readonly #counts: Record<ReplayedLetter["outcome"], number> = {
    done: 0,
    failed: 0,
    parked: 0,
    claimed: 0,
    refused: 0,
    "would run": 0,
  };

  constructor(policy: Policy, handler: ReplayHandler, options: Parsed<typeof fields>) {
    this.#policy = policy;
    this.#handler = handler;
    this.#options = options;
  }

  async run(): Promise<ReplayReport> {
    const { from: store, limit = Infinity, signal } = this.#options;
    const list = await store.list();
    for await (const letter of list.letters) {
      signal?.throwIfAborted();
      if (this.#begun >= limit) break;
      if (this.#wants(letter)) this.#tell(letter, await this.#ending(letter));
    }
    const { "would run": wouldRun, ...counts } = this.#counts;
    return { ...counts, wouldRun, damaged: list.damaged };
  }

  #wants(letter: StoredDeadLetter): boolean {
    const { filter = ({ record }) => record.policy === this.#policy.name } = this.#options;
    return filter(letter);
  }

  async #ending(letter: StoredDeadLetter): Promise<Ending> {
    const { parked, parkAfter, dryRun, from: store } = this.#options;
    const { failures, record } = letter;
    if (failures >= parkAfter && !parked) return { outcome: "parked", failures };
    if (dryRun) return this.#count({ outcome: "would run", failures });
    await this.#policy.ready(this.#optionsFor(record));
    const claim = await store.claim(record.id);
    return claim === undefined ? { outcome: "claimed", failures } : this.#runClaimed(claim);
  }

  async #runClaimed(claim: DeadLetterClaim): Promise<Ending> {
    const { record, failures } = claim;
    const { signal } = this.#options;
    try {
      await this.#execute(record);
    } catch (error) {
      if (isRefusal(error) || signal?.aborted === true) {
        await claim.release();
        signal?.throwIfAborted();
        return { outcome: "refused", failures, error: summarize(error) };
      }
      return this.#count(await this.#failed(claim, summarize(error)));
    }
    await claim.done();
    return this.#count({ outcome: "done", failures });
  }

  async #failed(claim: DeadLetterClaim, error: ErrorSummary): Promise<Ending> {
    await claim.failed(error);
    const failures = claim.failures + 1;
    const outcome = failures >= this.#options.parkAfter ? "parked" : "failed";
    return { outcome, failures, error };
  }

  async #execute(record: DeadLetterRecord): Promise<void> {
    const task: Parameters<Policy["execute"]>[0] = ({ signal, attempt }) =>
      this.#handler(record.payload, record, { signal, attempt });
    markReplayed(task);
    const result: unknown = await this.#policy.execute(task, this.#optionsFor(record));
    // A response may mean failure, and is returned all the same when no attempt is left.
    if (explainError(result) !== undefined) throw result;
  }

  #optionsFor({ key }: DeadLetterRecord): { key?: string; signal?: AbortSignal } {
    const { signal } = this.#options;
    return { ...(key === undefined ? {} : { key }), ...(signal === undefined ? {} : { signal }) };
  }

  /** Against the limit. */
  #count(ending: Ending): Ending {
    this.#begun++;
    return ending;
  }

  #tell({ record }: StoredDeadLetter, ending: Ending): void {
    this.#counts[ending.outcome]++;
    this.#options.onProgress?.({ id: record.id, ...ending });
  }
}

type Ending = Omit<ReplayedLetter, "id">;
