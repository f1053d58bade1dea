import { summarize } from "../../errors/summary.js";
import type { StoppedBy } from "../../events/catalog.js";
import type { Events } from "../../events/events.js";
import { clock, type Timer } from "../../time/clock.js";
import { formatDuration } from "../../time/duration.js";
import { holderOf } from "./held.js";
import {
  type ContentRules,
  type DeadLetterRecord,
  type EndedCall,
  HookFailure,
  recordOf,
} from "./record.js";
import { isReplayed } from "./replayed.js";

/** Where dead letters go: a file, a table, a queue. Records are plain JSON. */
export interface DeadLetterSink {
  /**
   * Keeps a record; what it throws or rejects is told as `dead_letter.failed`. An error with the code `ERR_SINK_FULL`
   * says that the sink holds as much as it may, and is told as `dead_letter.dropped`.
   */
  write(record: DeadLetterRecord): void | PromiseLike<void>;
  /** Resolves once everything written so far is safe. `drain()` waits for it. */
  flush?(): void | PromiseLike<void>;
}

export interface OutboxRules extends ContentRules {
  readonly sink: DeadLetterSink;
  readonly on: ReadonlySet<StoppedBy>;
  readonly waitingLimit: number;
  readonly writeMs: number;
}

const FOLD_MS = 1_000;

/**
 * Between the calls and a sink. A call never waits for the sink: its record is made at once and handed over in a
 * microtask. A slow sink has at most `waitingLimit` records; what comes then is dropped, counted and told. A write that
 * hangs has its place for `writeMs`.
 */
export class Outbox {
  readonly #rules: OutboxRules;
  #waiting = 0;
  #whenEmpty: (() => void)[] = [];
  readonly #dropped = new Map<Events, Dropped>();

  constructor(rules: OutboxRules) {
    this.#rules = rules;
  }

  /** Never throws, whatever the user's hooks do. */
  offer(call: EndedCall): void {
    if (!this.#wants(call)) return;
    const { events } = call;
    if (this.#waiting >= this.#rules.waitingLimit) return this.#drop(events, "waiting");
    const record = recordOf(call, this.#rules);
    if (record === "too large") return this.#drop(events, "size");
    if (record instanceof HookFailure) return this.#failed(events, record.during, record.error);
    const hold = call.stoppedBy === "refused" ? holderOf(call.task) : undefined;
    if (hold === undefined) this.#send(record, events);
    else hold(() => this.#send(record, events));
  }

  #send(record: DeadLetterRecord, events: Events): void {
    this.#waiting++;
    queueMicrotask(() => this.#write(record, events));
  }

  /** Waits until the sink has everything, for as long as one write may take. */
  async flush(events: Events): Promise<void> {
    try {
      await within(this.#rules.writeMs, this.#flushSink());
    } catch (error) {
      this.#failed(events, "flush", error);
    }
    this.#tellDropped(events);
  }

  #wants({ stoppedBy, task, history }: EndedCall): boolean {
    return this.#rules.on.has(stoppedBy) && history.isFailure && !isReplayed(task);
  }

  #write(record: DeadLetterRecord, events: Events): void {
    const sending = new Sending(() => this.#left());
    const written = (): void => {
      if (sending.end()) this.#tellWritten(record, events);
    };
    const failed = (error: unknown): void => {
      if (!sending.end()) return;
      if (isFull(error)) this.#drop(events, "sink");
      else this.#failed(events, "write", error, record);
    };
    try {
      const writing = this.#rules.sink.write(record);
      if (!isThenable(writing)) return written();
      sending.giveUpAfter(this.#rules.writeMs, failed);
      writing.then(written, failed);
    } catch (error) {
      failed(error);
    }
  }

  #left(): void {
    if (--this.#waiting > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  async #flushSink(): Promise<void> {
    if (this.#waiting > 0) await new Promise<void>((resolve) => void this.#whenEmpty.push(resolve));
    await this.#rules.sink.flush?.();
  }

  #tellWritten({ id, key, stoppedBy }: DeadLetterRecord, events: Events): void {
    if (events.wanted)
      events.emit("dead_letter.written", { ...(key === undefined ? {} : { key }), id, stoppedBy });
  }

  #failed(
    events: Events,
    during: "payload" | "redact" | "write" | "flush",
    error: unknown,
    record?: DeadLetterRecord,
  ): void {
    if (!events.wanted) return;
    const of = record === undefined ? {} : { id: record.id };
    events.emit("dead_letter.failed", { during, ...of, error: summarize(error) });
  }

  /** They come in storms: told at once, then once a second with their number. */
  #drop(events: Events, reason: Dropped["reason"]): void {
    const before = this.#dropped.get(events);
    const dropped = before ?? { toldMs: -Infinity, count: 0, reason };
    dropped.count++;
    dropped.reason = reason;
    this.#dropped.set(events, dropped);
    if (clock.now() - dropped.toldMs >= FOLD_MS) this.#tellDropped(events);
  }

  #tellDropped(events: Events): void {
    const dropped = this.#dropped.get(events);
    if (dropped === undefined || dropped.count === 0) return;
    const { count, reason } = dropped;
    dropped.toldMs = clock.now();
    dropped.count = 0;
    events.emit("dead_letter.dropped", { reason, count });
  }
}

interface Dropped {
  toldMs: number;
  count: number;
  reason: "waiting" | "size" | "sink";
}

/** One write, that ends once: by its answer, or by its time. Its timer keeps no process alive. */
class Sending {
  readonly #left: () => void;
  #ended = false;
  #stopTimer: (() => void) | undefined;

  constructor(left: () => void) {
    this.#left = left;
  }

  giveUpAfter(ms: number, failed: (error: Error) => void): void {
    const of = clock;
    const timer = of.setBackgroundTimer(() => failed(noAnswer(ms)), ms);
    this.#stopTimer = () => of.clearTimer(timer);
  }

  /** Whether this was the end. */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#stopTimer?.();
    this.#left();
    return true;
  }
}

function noAnswer(ms: number): Error {
  return new Error(`the sink has not answered within ${formatDuration(ms)} (writeMs)`);
}

async function within(ms: number, promise: Promise<void>): Promise<void> {
  const of = clock;
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = of.setTimer(() => reject(noAnswer(ms)), ms);
  });
  await Promise.race([promise, late]).finally(() => of.clearTimer(timer));
}

function isFull(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && Reflect.get(error, "code") === "ERR_SINK_FULL"
  );
}

function isThenable(value: unknown): value is PromiseLike<void> {
  return (
    typeof value === "object" && value !== null && typeof Reflect.get(value, "then") === "function"
  );
}
