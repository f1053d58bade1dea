import type { ErrorSummary } from "../../errors/summary.js";
import type { TripReason } from "../../events/catalog.js";
import { clock } from "../../time/clock.js";
import { formatDuration } from "../../time/duration.js";
import { type Answer, type Entrant, Refusal } from "../guard.js";
import type { Machine, SavedCircuit, SavedState } from "./machine.js";
import type { CircuitRules } from "./rules.js";

/** Everybody is refused until the time is over; who asks then finds the circuit half-open. */
export class Open extends Refusal {
  readonly name = "open";
  readonly code = "ERR_CIRCUIT_OPEN";
  readonly guard: string;
  readonly reason: TripReason;
  readonly #circuit: Machine;
  readonly #openedMs: number;
  #openMs: number;
  #describedMs = -1;
  #description = "";
  readonly #cause: ErrorSummary | undefined;

  constructor(
    circuit: Machine,
    reason: TripReason,
    openedMs: number,
    openMs: number,
    cause: ErrorSummary | undefined,
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
    circuit: Machine,
    saved: Extract<SavedCircuit, { leftMs: number }>,
    nowMs: number,
    elapsedMs: number,
  ): Open {
    const leftMs = Math.min(saved.leftMs, circuit.home.rules.maxOpenMs) - elapsedMs;
    return new Open(circuit, saved.reason, nowMs, Math.max(0, leftMs), saved.cause);
  }

  enter(entrant: Entrant): Answer {
    return this.retryAfterMs() > 0 ? this : this.#circuit.halfOpen().enter(entrant);
  }

  wouldRefuse(atMs: number): boolean {
    return atMs < this.#openedMs + this.#openMs;
  }

  /** Once its time is over, as many as there are probes. */
  slots(): number {
    return this.retryAfterMs() > 0 ? 0 : this.#circuit.home.rules.probes;
  }

  waitMs(): number {
    return this.retryAfterMs();
  }

  retryAfterMs(): number {
    return Math.max(0, this.#openedMs + this.#openMs - clock.now());
  }

  /** In a storm many are refused in one tick of the clock: they are told the same. */
  describe(): string {
    const leftMs = this.retryAfterMs();
    if (leftMs !== this.#describedMs) {
      this.#describedMs = leftMs;
      this.#description = `circuit ${this.guard} is open (${this.reason}) for another ${formatDuration(leftMs)}`;
    }
    return this.#description;
  }

  override cause(): ErrorSummary | undefined {
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
