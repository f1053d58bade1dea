import { type ErrorSummary, summarize } from "../errors/summary.js";
import type { TripReason } from "../events/catalog.js";
import { clock } from "../time/clock.js";
import { formatDuration } from "../time/duration.js";
import { random } from "../time/random.js";
import { type Judgement, JUDGED } from "../verdicts/verdict.js";
import { CountWindow } from "../windows/count-window.js";
import type { OutcomeWindow, SavedWindow } from "../windows/outcome-window.js";
import { TimeWindow } from "../windows/time-window.js";
import { type Entrant, type Guard, Pass, Refusal } from "./guard.js";

/** The options of a circuit breaker, complete. A rule that is not given is `Infinity`: it never fires. */
export interface CircuitRules {
  readonly consecutiveFailures: number;
  readonly failureRatio: number;
  readonly slowCallMs: number;
  readonly slowCallRatio: number;
  readonly timeoutRatio: number;
  /** Undefined when no rule needs one. */
  readonly window: { readonly ms: number } | { readonly count: number } | undefined;
  readonly minimumCalls: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly probes: number;
  readonly probeSuccessRatio: number;
  /** Undefined: the attempt's timeout, else the longest of the open time, 60 s and twice the longest success seen. */
  readonly probeMs: number | undefined;
}

/** What a circuit reports when it changes its state. */
export type Transition =
  | {
      readonly to: "open";
      readonly reason: TripReason;
      readonly openMs: number;
      readonly cause: ErrorSummary;
    }
  | { readonly to: "half-open"; readonly probes: number }
  | { readonly to: "closed"; readonly openedForMs: number };

/** What the circuits of one breaker have in common. */
export interface CircuitHome {
  readonly name: string;
  readonly rules: CircuitRules;
  changed(circuit: Circuit, transition: Transition): void;
}

const OPEN_JITTER_RATIO = 0.2;
const SHORTEST_PROBE_MS = 60_000;
// Below this, a slow call is measured with true clock readings; above it the 10 ms clock is good enough.
const COARSE_FROM_MS = 1_000;

/**
 * The state machine of one dependency. The state is an object: closed, it is the pass of every attempt it admits; open,
 * it is the refusal; half-open, it hands out probes. A state that has been replaced learns nothing more, so results of
 * attempts that began before the change cannot undo it.
 *
 * States derive from timestamps: no timer, so a process that lives 50 ms behaves like one that lives a year.
 */
export class Circuit implements Guard {
  readonly home: CircuitHome;
  readonly key: string | undefined;
  state: Closed | Open | HalfOpen;
  /** Openings in a row, for the growth of the open time. */
  trips = 0;
  lastOpenMs = 0;
  longestSuccessMs = 0;

  constructor(home: CircuitHome, key?: string) {
    this.home = home;
    this.key = key;
    this.state = new Closed(this, newWindow(home.rules));
  }

  enter(entrant: Entrant): Pass | Refusal {
    return this.state.enter(entrant);
  }

  wouldRefuse(atMs: number): boolean {
    return this.state.wouldRefuse(atMs);
  }

  trip(reason: TripReason, { retryAfterMs }: Judgement, error: unknown): void {
    const { openMs: shortestMs, maxOpenMs } = this.home.rules;
    if (this.state instanceof Closed && clock.now() - this.state.sinceMs >= this.lastOpenMs)
      this.trips = 0;
    const grownMs = Math.min(maxOpenMs, shortestMs * 2 ** this.trips++);
    const spread = 1 + OPEN_JITTER_RATIO * (2 * random() - 1);
    const openMs = Math.round(Math.min(maxOpenMs, Math.max(grownMs * spread, retryAfterMs)));
    const cause = summarize(error);
    this.lastOpenMs = openMs;
    this.#become(new Open(this, reason, clock.now(), openMs, cause), {
      to: "open",
      reason,
      openMs,
      cause,
    });
  }

  halfOpen(): HalfOpen {
    const state = new HalfOpen(this);
    this.#become(state, { to: "half-open", probes: this.home.rules.probes });
    return state;
  }

  close(): void {
    const { rules } = this.home;
    this.#become(new Closed(this, newWindow(rules)), {
      to: "closed",
      openedForMs: this.lastOpenMs,
    });
  }

  /** Closed, nothing in memory: the same as a new one. */
  isPristine(nowMs: number): boolean {
    return this.state instanceof Closed && this.state.isEmpty(nowMs);
  }

  reset(): void {
    this.trips = this.lastOpenMs = this.longestSuccessMs = 0;
    this.state = new Closed(this, newWindow(this.home.rules));
  }

  /** The rules have changed; only what they mean for the present state is done here. */
  retuned(before: CircuitRules): void {
    this.state.retuned(before);
  }

  save(nowMs: number): SavedCircuit {
    return { ...this.state.save(nowMs), trips: this.trips, lastOpenMs: this.lastOpenMs };
  }

  /** Goes on where a saved circuit was, `elapsedMs` later. Half-open goes on as open with its time over. */
  restore(saved: SavedCircuit, elapsedMs: number): void {
    const nowMs = clock.now();
    this.trips = saved.trips;
    this.lastOpenMs = Math.min(saved.lastOpenMs, this.home.rules.maxOpenMs);
    if (saved.state === "closed") this.state = Closed.restored(this, saved, nowMs - elapsedMs);
    else this.state = Open.restored(this, saved, nowMs, elapsedMs);
  }

  #become(state: Closed | Open | HalfOpen, transition: Transition): void {
    this.state = state;
    this.home.changed(this, transition);
  }
}

export type SavedCircuit = { readonly trips: number; readonly lastOpenMs: number } & (
  | {
      readonly state: "closed";
      readonly row: number;
      readonly forMs: number;
      readonly window: SavedWindow;
    }
  | {
      readonly state: "open" | "half-open";
      readonly leftMs: number;
      readonly reason: TripReason;
      readonly cause: ErrorSummary;
    }
);
type SavedState<S extends SavedCircuit> = S extends unknown
  ? Omit<S, "trips" | "lastOpenMs">
  : never;

function newWindow(
  rules: CircuitRules,
  saved?: SavedWindow,
  nowMs?: number,
): OutcomeWindow | undefined {
  if (rules.window === undefined) return undefined;
  return "count" in rules.window
    ? new CountWindow(rules.window.count, saved)
    : new TimeWindow(rules.window.ms, saved, nowMs);
}

/** Everybody passes. The pass is this state: attempts that outlive it teach nobody. */
class Closed extends Pass {
  readonly name = "closed";
  readonly sinceMs: number;
  readonly #circuit: Circuit;
  #window: OutcomeWindow | undefined;
  #failuresInARow = 0;

  constructor(circuit: Circuit, window: OutcomeWindow | undefined, sinceMs = clock.now()) {
    super();
    this.#circuit = circuit;
    this.#window = window;
    this.sinceMs = sinceMs;
  }

  static restored(
    circuit: Circuit,
    saved: SavedCircuit & { state: "closed" },
    savedAtMs: number,
  ): Closed {
    const window = newWindow(circuit.home.rules, saved.window, savedAtMs);
    const closed = new Closed(circuit, window, savedAtMs - saved.forMs);
    closed.#failuresInARow = saved.row;
    return closed;
  }

  enter(): Pass {
    return this.#circuit.home.rules.slowCallMs === Infinity
      ? this
      : new TimedPass(this, this.#circuit);
  }

  wouldRefuse(): boolean {
    return false;
  }

  exit(judgement: Judgement, error?: unknown): void {
    this.learn(judgement, error, false);
  }

  learn(judgement: Judgement, error: unknown, slow: boolean): void {
    const { verdict } = judgement;
    if (this.#circuit.state !== this || !verdict.inWindow) return;
    if (verdict.row === "reset") this.#failuresInARow = 0;
    else if (verdict.row === "add") this.#failuresInARow++;
    this.#window?.record(verdict, slow, clock.now());
    const reason = this.#reasonToTrip();
    if (reason !== undefined) this.#circuit.trip(reason, judgement, error);
  }

  isEmpty(nowMs: number): boolean {
    this.#window?.expire(nowMs);
    return this.#failuresInARow === 0 && (this.#window?.totals.calls ?? 0) === 0;
  }

  save(nowMs: number): SavedState<SavedCircuit> {
    const window = this.#window?.save(nowMs) ?? [];
    return { state: "closed", row: this.#failuresInARow, forMs: nowMs - this.sinceMs, window };
  }

  retuned({ window }: CircuitRules): void {
    const { rules } = this.#circuit.home;
    if (JSON.stringify(window) !== JSON.stringify(rules.window)) this.#window = newWindow(rules);
  }

  #reasonToTrip(): TripReason | undefined {
    const { rules } = this.#circuit.home;
    if (this.#failuresInARow >= rules.consecutiveFailures) return "consecutiveFailures";
    if (this.#window === undefined) return undefined;
    const { calls, failures, slow, timeouts } = this.#window.totals;
    if (calls < rules.minimumCalls) return undefined;
    if (failures >= rules.failureRatio * calls) return "failureRatio";
    if (slow >= rules.slowCallRatio * calls && slow > 0) return "slowCallRatio";
    if (timeouts >= rules.timeoutRatio * calls) return "timeoutRatio";
    return undefined;
  }
}

/** The closed state, with the time at which this attempt began. */
class TimedPass extends Pass {
  readonly #closed: Closed;
  readonly #circuit: Circuit;
  readonly #beganMs: number;

  constructor(closed: Closed, circuit: Circuit) {
    super();
    this.#closed = closed;
    this.#circuit = circuit;
    this.#beganMs = this.#now();
  }

  override get once(): boolean {
    return true;
  }

  exit(judgement: Judgement, error?: unknown): void {
    const tookMs = this.#now() - this.#beganMs;
    if (judgement.verdict.alive && tookMs > this.#circuit.longestSuccessMs)
      this.#circuit.longestSuccessMs = tookMs;
    this.#closed.learn(judgement, error, tookMs >= this.#circuit.home.rules.slowCallMs);
  }

  #now(): number {
    return this.#circuit.home.rules.slowCallMs >= COARSE_FROM_MS ? clock.now() : clock.read();
  }
}

/** Everybody is refused until the time is over; who asks then finds the circuit half-open. */
class Open extends Refusal {
  readonly name = "open";
  readonly code = "ERR_CIRCUIT_OPEN";
  readonly guard: string;
  readonly reason: TripReason;
  readonly #circuit: Circuit;
  readonly #openedMs: number;
  #openMs: number;
  readonly #cause: ErrorSummary;

  constructor(
    circuit: Circuit,
    reason: TripReason,
    openedMs: number,
    openMs: number,
    cause: ErrorSummary,
  ) {
    super();
    this.guard = circuit.home.name;
    this.reason = reason;
    this.#circuit = circuit;
    this.#openedMs = openedMs;
    this.#openMs = openMs;
    this.#cause = cause;
  }

  static restored(
    circuit: Circuit,
    saved: Extract<SavedCircuit, { leftMs: number }>,
    nowMs: number,
    elapsedMs: number,
  ): Open {
    const leftMs = Math.min(saved.leftMs, circuit.home.rules.maxOpenMs) - elapsedMs;
    return new Open(circuit, saved.reason, nowMs, Math.max(0, leftMs), saved.cause);
  }

  enter(entrant: Entrant): Pass | Refusal {
    return this.retryAfterMs() > 0 ? this : this.#circuit.halfOpen().enter(entrant);
  }

  wouldRefuse(atMs: number): boolean {
    return atMs < this.#openedMs + this.#openMs;
  }

  retryAfterMs(): number {
    return Math.max(0, this.#openedMs + this.#openMs - clock.now());
  }

  describe(): string {
    return `circuit ${this.guard} is open (${this.reason}) for another ${formatDuration(this.retryAfterMs())}`;
  }

  override cause(): ErrorSummary {
    return this.#cause;
  }

  /** A running opening is at most shortened. */
  retuned({ openMs: before }: CircuitRules): void {
    const { openMs } = this.#circuit.home.rules;
    if (openMs < before) this.#openMs = Math.min(this.#openMs, openMs);
  }

  save(): SavedState<SavedCircuit> {
    return { state: "open", leftMs: this.retryAfterMs(), reason: this.reason, cause: this.#cause };
  }
}

/** As many attempts as there are probes try the dependency; everybody else is refused until they have decided. */
class HalfOpen extends Refusal {
  readonly name = "half-open";
  readonly code = "ERR_CIRCUIT_OPEN";
  readonly guard: string;
  readonly #circuit: Circuit;
  readonly #running = new Set<Probe>();
  #good = 0;
  #bad = 0;

  constructor(circuit: Circuit) {
    super();
    this.guard = circuit.home.name;
    this.#circuit = circuit;
  }

  enter(entrant: Entrant): Pass | Refusal {
    this.#giveUpHungProbes();
    if (this.#circuit.state !== this) return this.#circuit.enter(entrant);
    if (this.#running.size + this.#good + this.#bad >= this.#circuit.home.rules.probes) return this;
    const probe = new Probe(this, this.#circuit, this.#probeMs(entrant));
    this.#running.add(probe);
    return probe;
  }

  /** A probe may free its slot any moment: nothing is certain. */
  wouldRefuse(): boolean {
    return false;
  }

  /** Exactly one answer per probe counts: one that was given up, or that answers a replaced state, finds nothing. */
  settled(probe: Probe, judgement: Judgement, error: unknown): void {
    if (!this.#running.delete(probe) || this.#circuit.state !== this) return;
    if (judgement.verdict.probe === "success") this.#good++;
    else if (judgement.verdict.probe === "failure") this.#bad++;
    else return; // the slot is free for the next one
    this.#decide(judgement, error);
  }

  retryAfterMs(): number {
    return 0;
  }

  describe(): string {
    return `circuit ${this.guard} is half-open and all its probes are taken`;
  }

  /** What was admitted runs on. With fewer probes asked for, the answers so far may be enough. */
  retuned(): void {
    this.#decide(JUDGED.transient, new Error("fewer probes are asked for"));
  }

  save(): SavedState<SavedCircuit> {
    return {
      state: "half-open",
      leftMs: 0,
      reason: "probes",
      cause: summarize(new Error("half-open when saved")),
    };
  }

  #giveUpHungProbes(): void {
    const nowMs = clock.now();
    for (const probe of this.#running) {
      if (probe.isOverdue(nowMs))
        this.settled(probe, JUDGED.timeout, new Error("the probe never came back"));
    }
  }

  #probeMs({ attemptTimeoutMs }: Entrant): number {
    const { lastOpenMs, longestSuccessMs, home } = this.#circuit;
    return (
      home.rules.probeMs ??
      attemptTimeoutMs ??
      Math.max(lastOpenMs, SHORTEST_PROBE_MS, 2 * longestSuccessMs)
    );
  }

  /** As soon as the result is certain. */
  #decide(judgement: Judgement, error: unknown): void {
    const { probes, probeSuccessRatio } = this.#circuit.home.rules;
    const needed = Math.max(1, Math.ceil(probes * probeSuccessRatio));
    if (this.#good >= needed) this.#circuit.close();
    else if (this.#bad > probes - needed) this.#circuit.trip("probes", judgement, error);
  }
}

class Probe extends Pass {
  readonly #halfOpen: HalfOpen;
  readonly #circuit: Circuit;
  readonly #beganMs = clock.now();
  readonly #limitMs: number;

  constructor(halfOpen: HalfOpen, circuit: Circuit, limitMs: number) {
    super();
    this.#halfOpen = halfOpen;
    this.#circuit = circuit;
    this.#limitMs = limitMs;
  }

  override get once(): boolean {
    return true;
  }

  isOverdue(nowMs: number): boolean {
    // A probe whose attempt has a timeout of the same length is given that timeout's chance to speak first.
    return nowMs - this.#beganMs > this.#limitMs + clock.stalenessMs;
  }

  exit(judgement: Judgement, error?: unknown): void {
    const tookMs = clock.now() - this.#beganMs;
    if (judgement.verdict.alive && tookMs > this.#circuit.longestSuccessMs)
      this.#circuit.longestSuccessMs = tookMs;
    this.#halfOpen.settled(this, judgement, error);
  }
}
