import {
  type Bulkhead,
  bulkhead,
  type BulkheadOptions,
  type Call,
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerOptions,
  type Classify,
  deadline,
  type Policy,
  type PolicyOptions,
  type PolicyPart,
  type PolicySnapshot,
  rateLimit,
  type RateLimitOptions,
  registry,
  type ResilienceEvent,
  resilient,
  retry,
  type RetryBudget,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { eventLog, installVirtualClock, type VirtualClock } from "@breakwater/core/testing";
import { EVENTS, type EventType } from "../../../src/events/catalog.js";
import type { RateLimit } from "../../../src/parts/rate-limit.js";
import { clock } from "../../../src/time/clock.js";
import { compiledFor, type DriverName } from "./drivers.js";
import type { CallSpec, Overriding, PolicySpec, Retune, RunSpec, Step } from "./schedule.js";

export type Settled = { readonly value: unknown } | { readonly error: unknown };

/** One run of a task, as it went. Times are milliseconds since the world began. */
export interface RunRecord {
  readonly attempt: number;
  readonly beganMs: number;
  /** It began although an operator had blocked its key. */
  readonly isBlocked: boolean;
  /** Undefined while it runs. */
  ended: (Settled & { readonly atMs: number }) | undefined;
}

export interface CallRecord {
  readonly number: number;
  readonly spec: CallSpec;
  readonly beganMs: number;
  readonly runs: RunRecord[];
  readonly abort: AbortController | undefined;
  abortedMs: number | undefined;
  /** Undefined while it is pending. */
  settled: (Settled & { readonly atMs: number }) | undefined;
}

/** What the parts of a world are made with, and what its policy is told beside them. */
export interface Makers {
  readonly breaker?: (options: CircuitBreakerOptions) => CircuitBreaker;
  readonly rateLimit?: (options: RateLimitOptions) => RateLimit;
  readonly bulkhead?: (options: BulkheadOptions) => Bulkhead;
  readonly classify?: Classify;
  readonly options?: PolicyOptions;
}

export interface WorldParts {
  readonly breaker: CircuitBreaker | undefined;
  readonly rateLimit: RateLimit | undefined;
  readonly bulkhead: Bulkhead | undefined;
  readonly budget: RetryBudget | undefined;
}

const ALL_EVENTS = Object.keys(EVENTS) as EventType[];
// Windows keep their time in buckets; worlds that are compared must begin at the same place in one.
const ALIGNED_MS = 1_000;

/** One policy on virtual time, its calls with what became of them, and everything it has told. */
export class World {
  readonly clock: VirtualClock;
  readonly parts: WorldParts;
  readonly policy: Policy;
  readonly events: readonly ResilienceEvent[];
  readonly calls: CallRecord[] = [];
  readonly #beganMs: number;
  readonly #makeInner: () => Policy;
  #inner: Policy | undefined;
  #hanging: (() => void)[] = [];
  #blocks: { readonly key: string | undefined; readonly endsMs: number }[] = [];

  private constructor(virtual: VirtualClock, spec: PolicySpec, driver: DriverName, makers: Makers) {
    this.clock = virtual;
    this.#beganMs = virtual.nowMs;
    this.parts = makeParts(spec, makers);
    this.policy = compiledFor(driver, () => makePolicy(spec, this.parts, makers));
    this.#makeInner = () => compiledFor(driver, () => makePolicy(spec, this.parts, makers));
    this.events = eventLog(this.policy, ...ALL_EVENTS);
  }

  static async open(spec: PolicySpec, driver: DriverName, makers: Makers = {}): Promise<World> {
    const virtual = installVirtualClock({ seed: 7 });
    await virtual.advance(ALIGNED_MS - (virtual.nowMs % ALIGNED_MS));
    virtual.wallMs = 0;
    try {
      return new World(virtual, spec, driver, makers);
    } catch (error) {
      virtual.restore();
      throw error;
    }
  }

  get nowMs(): number {
    return this.clock.nowMs - this.#beganMs;
  }

  /** Does one step, and lets everything happen that follows from it without time. */
  async play(step: Step): Promise<void> {
    if ("call" in step) this.call(step.call);
    else if ("retune" in step) this.retune(step.retune);
    else if ("override" in step) this.override(step.override);
    await this.clock.advance("advanceMs" in step ? step.advanceMs : 0);
  }

  async playAll(steps: readonly Step[]): Promise<this> {
    for (const step of steps) await this.play(step);
    return this;
  }

  /** Calls, and returns before anything but the start of the task has happened. */
  call(spec: CallSpec): CallRecord {
    const { abortAfterMs, key } = spec;
    const abort = abortAfterMs === undefined ? undefined : new AbortController();
    const number = this.calls.length + 1;
    const beganMs = this.nowMs;
    const record: CallRecord = {
      number,
      spec,
      beganMs,
      runs: [],
      abort,
      abortedMs: undefined,
      settled: undefined,
    };
    this.calls.push(record);
    if (abortAfterMs === 0) this.#abort(record);
    else if (abortAfterMs !== undefined) clock.setTimer(() => this.#abort(record), abortAfterMs);
    this.policy
      .execute((call) => this.#run(record, call), { key, signal: abort?.signal })
      .then(
        (value) => (record.settled = { value, atMs: this.nowMs }),
        (error: unknown) => (record.settled = { error, atMs: this.nowMs }),
      );
    return record;
  }

  retune({ part, to }: Retune): void {
    if (part === "breaker") this.parts.breaker?.retune(to);
    else if (part === "rateLimit") this.parts.rateLimit?.retune(to);
    else if (part === "bulkhead") this.parts.bulkhead?.retune(to);
    else this.parts.budget?.retune(to);
  }

  override({ verb, key, until }: Overriding): void {
    const where = {
      policy: this.policy.name,
      by: "ana",
      why: "INC-4711",
      ...(key === undefined ? {} : { key }),
    };
    if (verb === "reset") registry.override({ ...where, verb });
    else if (verb !== "clear") registry.override({ ...where, verb, until });
    else registry.override({ ...where, verb });
    if (verb === "clear")
      this.#blocks = this.#blocks.filter((block) => key !== undefined && block.key !== key);
    const endsMs = until === "cleared" ? Infinity : this.nowMs + until;
    if (verb === "block") this.#blocks.push({ key, endsMs });
  }

  isBlocked(key: string | undefined): boolean {
    return this.#blocks.some(
      (block) => (block.key === undefined || block.key === key) && this.nowMs < block.endsMs,
    );
  }

  /** State and counters, without when they were read. */
  state(): Omit<PolicySnapshot, "takenAt"> {
    const { takenAt: _, ...state } = this.policy.snapshot();
    return state;
  }

  /** Ends all hanging work, lets all waits run out, and gives the process its own time back. */
  async end(): Promise<void> {
    this.override({ verb: "clear", key: undefined, until: "cleared" });
    try {
      do {
        for (const end of this.#hanging.splice(0)) end();
        await this.clock.advance(100_000);
      } while (this.#hanging.length > 0);
    } finally {
      this.clock.restore();
    }
  }

  #abort(record: CallRecord): void {
    record.abortedMs ??= this.nowMs;
    record.abort?.abort(reasonOf(record));
  }

  #run(record: CallRecord, call: Call): unknown {
    const spec = record.spec.runs[
      Math.min(record.runs.length, record.spec.runs.length - 1)
    ] as RunSpec;
    const isBlocked = this.isBlocked(record.spec.key);
    const run: RunRecord = {
      attempt: call.attempt,
      beganMs: this.nowMs,
      isBlocked,
      ended: undefined,
    };
    record.runs.push(run);
    if (spec.inside !== true) return this.#work(spec, record, run, call);
    this.#inner ??= this.#makeInner();
    const { key } = call;
    return this.#inner.execute((inner) => this.#work(spec, record, run, inner), { key });
  }

  #work(spec: RunSpec, record: CallRecord, run: RunRecord, call: Call): unknown {
    const outcome = outcomeOf(spec, `call ${record.number}, run ${record.runs.length}`);
    const end = (settled: Settled): void => void (run.ended ??= { ...settled, atMs: this.nowMs });
    if (spec.ends === "throws at once") {
      end(outcome);
      throw (outcome as { error: unknown }).error;
    }
    return new Promise((resolve, reject) => {
      const settle = (settled: Settled): void => {
        end(settled);
        if ("value" in settled) resolve(settled.value);
        else reject(settled.error);
      };
      if (spec.heedsAbort)
        call.signal.addEventListener("abort", () =>
          settle({ error: call.signal.reason as unknown }),
        );
      if (spec.ends === "hangs") this.#hanging.push(() => settle(outcome));
      else if (spec.afterMs === 0) settle(outcome);
      else clock.setTimer(() => settle(outcome), spec.afterMs);
    });
  }
}

/** Plays the schedule's part of a property in a world of its own, which is ended whatever happens. */
export async function inWorld<T>(
  spec: PolicySpec,
  driver: DriverName,
  body: (world: World) => Promise<T>,
  makers: Makers = {},
): Promise<T> {
  const world = await World.open(spec, driver, makers);
  try {
    return await body(world);
  } finally {
    await world.end();
  }
}

const reasons = new WeakMap<CallRecord, Error>();

/** What the caller of this call gives as its reason. */
export function reasonOf(record: CallRecord): Error {
  const reason = reasons.get(record) ?? new Error(`the caller of call ${record.number} gave up`);
  reasons.set(record, reason);
  return reason;
}

function outcomeOf({ ends, status }: RunSpec, name: string): Settled {
  if (ends === "returns") return { value: name };
  if (ends === "fails by result")
    return { value: { [Symbol.toStringTag]: "Response", status, headers: {}, name } };
  return { error: Object.assign(new Error(name), status === 0 ? {} : { status }) };
}

function made<O, P>(options: O | undefined, make: (options: O) => P): P | undefined {
  return options === undefined ? undefined : make(options);
}

function makeParts(spec: PolicySpec, makers: Makers): WorldParts {
  return {
    breaker: made(spec.breaker, makers.breaker ?? circuitBreaker),
    rateLimit: made(spec.rateLimit, makers.rateLimit ?? rateLimit),
    bulkhead: made(spec.bulkhead, makers.bulkhead ?? bulkhead),
    budget: made(spec.budget, retryBudget),
  };
}

function makePolicy(spec: PolicySpec, parts: WorldParts, { classify, options }: Makers): Policy {
  const given: (PolicyPart | undefined)[] = [
    parts.breaker,
    parts.rateLimit,
    parts.bulkhead,
    parts.budget,
    spec.retry && retry(spec.retry),
    spec.attemptTimeoutMs === undefined ? undefined : timeout(spec.attemptTimeoutMs),
    spec.deadlineMs === undefined ? undefined : deadline(spec.deadlineMs),
    classify,
  ];
  const present = given.filter((part) => part !== undefined);
  return resilient(...present, { name: "storm", ...nothingRecommended(spec), ...options });
}

/** A policy without any part would get the recommended ones. */
function nothingRecommended(spec: PolicySpec): PolicyOptions {
  const empty = Object.values(spec).every((part) => part === undefined);
  return empty ? { breaker: null, budget: null, retry: null } : {};
}
