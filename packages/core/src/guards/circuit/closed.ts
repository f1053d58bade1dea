import type { TripReason } from "../../events/catalog.js";
import { clock } from "../../time/clock.js";
import type { Judgement } from "../../verdicts/verdict.js";
import { CountWindow } from "../../windows/count-window.js";
import type { OutcomeWindow, SavedWindow } from "../../windows/outcome-window.js";
import { TimeWindow } from "../../windows/time-window.js";
import { type Loan, Pass } from "../guard.js";
import type { Machine, SavedCircuit, SavedState } from "./machine.js";
import { Outer } from "./outer.js";
import type { CircuitRules } from "./rules.js";

// Below this, a slow call is measured with true clock readings; above it the 10 ms clock is good enough.
const COARSE_FROM_MS = 1_000;

/** Everybody passes. The pass is this state: attempts that outlive it teach nobody. */
export class Closed extends Pass {
  readonly name = "closed";
  readonly sinceMs: number;
  readonly #circuit: Machine;
  // Kept here, as each call reads them twice.
  #rules: CircuitRules;
  #isTimed: boolean;
  #window: OutcomeWindow | undefined;
  #failuresInARow = 0;

  constructor(circuit: Machine, sinceMs: number = clock.now()) {
    super();
    this.#circuit = circuit;
    this.#rules = circuit.home.rules;
    this.#isTimed = isTimed(this.#rules);
    this.#window = newWindow(this.#rules);
    this.sinceMs = sinceMs;
  }

  static restored(
    circuit: Machine,
    saved: SavedCircuit & { state: "closed" },
    savedAtMs: number,
  ): Closed {
    const closed = new Closed(circuit, savedAtMs - saved.forMs);
    if (closed.#window?.shape === saved.shape)
      closed.#window = newWindow(circuit.home.rules, saved.window, savedAtMs);
    closed.#failuresInARow = saved.row;
    return closed;
  }

  enter(): Pass {
    return this.#isTimed ? new TimedPass(this, this.#circuit) : this;
  }

  wouldRefuse(): boolean {
    return false;
  }

  slots(): number {
    return Infinity;
  }

  waitMs(): number {
    return 0;
  }

  exit(judgement: Judgement, error?: unknown): void {
    this.learn(judgement, error, false);
  }

  override toLend(): Loan {
    return new Outer(this.#circuit, this);
  }

  learn(judgement: Judgement, error: unknown, slow: boolean): void {
    const { verdict } = judgement;
    if (this.#circuit.state !== this || !verdict.inWindow) return;
    if (verdict.row === "reset") this.#failuresInARow = 0;
    else if (verdict.row === "add") this.#failuresInARow++;
    if (this.#window !== undefined) this.#window.record(verdict, slow, clock.now());
    // What went well makes no ratio worse; it can only be the call that makes the ratios mean something.
    if (!verdict.failure && !slow && !this.#isJustFull()) return;
    const reason = this.#reasonToTrip();
    if (reason !== undefined) this.#circuit.trip(reason, judgement, error);
  }

  isEmpty(nowMs: number): boolean {
    this.#window?.expire(nowMs);
    return this.#failuresInARow === 0 && (this.#window?.calls ?? 0) === 0;
  }

  save(nowMs: number): SavedState<SavedCircuit> {
    const forMs = nowMs - this.sinceMs;
    const window = this.#window?.save(nowMs) ?? [];
    const shape = this.#window === undefined ? {} : { shape: this.#window.shape };
    return { state: "closed", row: this.#failuresInARow, forMs, ...shape, window };
  }

  retuned({ window }: CircuitRules): void {
    this.#rules = this.#circuit.home.rules;
    this.#isTimed = isTimed(this.#rules);
    if (JSON.stringify(window) !== JSON.stringify(this.#rules.window))
      this.#window = newWindow(this.#rules);
  }

  #isJustFull(): boolean {
    return this.#window !== undefined && this.#window.calls === this.#rules.minimumCalls;
  }

  #reasonToTrip(): TripReason | undefined {
    const rules = this.#rules;
    if (this.#failuresInARow >= rules.consecutiveFailures) return "consecutiveFailures";
    if (this.#window === undefined) return undefined;
    const { calls, failures, slow, timeouts } = this.#window;
    if (calls < rules.minimumCalls) return undefined;
    if (failures / calls >= rules.failureRatio) return "failureRatio";
    if (slow / calls >= rules.slowCallRatio) return "slowCallRatio";
    if (timeouts / calls >= rules.timeoutRatio) return "timeoutRatio";
    return undefined;
  }
}

/** The closed state, with the time at which this attempt began. */
class TimedPass extends Pass {
  readonly #closed: Closed;
  readonly #circuit: Machine;
  readonly #beganMs: number;

  constructor(closed: Closed, circuit: Machine) {
    super();
    this.#closed = closed;
    this.#circuit = circuit;
    this.#beganMs = this.#now();
  }

  override get once(): boolean {
    return true;
  }

  override toLend(): Loan {
    return new Outer(this.#circuit, this);
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

function isTimed({ slowCallMs }: CircuitRules): boolean {
  return slowCallMs !== Infinity;
}

/** The memory that the rules need; none if they look at nothing but the row. */
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
