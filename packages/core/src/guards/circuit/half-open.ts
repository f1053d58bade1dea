import { clock } from "../../time/clock.js";
import { type Judgement, JUDGED } from "../../verdicts/verdict.js";
import { type Answer, type Entrant, type Loan, Pass, Refusal } from "../guard.js";
import type { Machine, SavedCircuit, SavedState } from "./machine.js";
import { Outer } from "./outer.js";

const SHORTEST_PROBE_MS = 60_000;
// 50 x 0.14 is 7.000000000000001 in binary, and 7 are enough.
const ROUNDING = 1e-9;

/** As many attempts as there are probes try the dependency; everybody else is refused until they have decided. */
export class HalfOpen extends Refusal {
  readonly name = "half-open";
  readonly code = "ERR_CIRCUIT_OPEN";
  readonly guard: string;
  readonly #circuit: Machine;
  readonly #running = new Set<Probe>();
  #good = 0;
  #bad = 0;

  constructor(circuit: Machine) {
    super();
    this.guard = circuit.home.name;
    this.#circuit = circuit;
  }

  enter(entrant: Entrant): Answer {
    this.#giveUpHungProbes();
    if (this.#circuit.state !== this) return this.#circuit.enter(entrant);
    if (this.#free === 0) return this;
    const probe = new Probe(this, this.#circuit, this.#probeMs(entrant));
    this.#running.add(probe);
    return probe;
  }

  slots(): number {
    this.#giveUpHungProbes();
    return this.#circuit.state === this ? this.#free : this.#circuit.slots();
  }

  waitMs(): number {
    return 0;
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
    };
  }

  get #free(): number {
    const { probes } = this.#circuit.home.rules;
    return Math.max(0, probes - this.#running.size - this.#good - this.#bad);
  }

  #giveUpHungProbes(): void {
    const nowMs = clock.now();
    for (const probe of this.#running) {
      if (probe.isOverdue(nowMs))
        this.settled(probe, JUDGED.timeout, new Error("the probe never came back"));
    }
  }

  /** A probe whose attempt has a timeout is ended by that, which also knows when the process itself stood still. */
  #probeMs({ attemptTimeoutMs }: Entrant): number {
    const { lastOpenMs, longestSuccessMs, home } = this.#circuit;
    if (home.rules.probeMs !== undefined) return home.rules.probeMs;
    if (attemptTimeoutMs !== undefined) return Infinity;
    return Math.max(lastOpenMs, SHORTEST_PROBE_MS, 2 * longestSuccessMs);
  }

  /** As soon as the result is certain. */
  #decide(judgement: Judgement, error: unknown): void {
    const { probes, probeSuccessRatio } = this.#circuit.home.rules;
    const needed = Math.max(1, Math.ceil(probes * probeSuccessRatio - ROUNDING));
    if (this.#good >= needed) this.#circuit.close();
    else if (this.#bad > probes - needed) this.#circuit.trip("probes", judgement, error);
  }
}

class Probe extends Pass {
  readonly #halfOpen: HalfOpen;
  readonly #circuit: Machine;
  readonly #beganMs = clock.now();
  readonly #limitMs: number;

  constructor(halfOpen: HalfOpen, circuit: Machine, limitMs: number) {
    super();
    this.#halfOpen = halfOpen;
    this.#circuit = circuit;
    this.#limitMs = limitMs;
  }

  override get once(): boolean {
    return true;
  }

  override get isProbe(): boolean {
    return true;
  }

  override toLend(): Loan {
    return new Outer(this.#circuit, this);
  }

  isOverdue(nowMs: number): boolean {
    return nowMs - this.#beganMs > this.#limitMs + clock.stalenessMs;
  }

  exit(judgement: Judgement, error?: unknown): void {
    const tookMs = clock.now() - this.#beganMs;
    if (judgement.verdict.alive && tookMs > this.#circuit.longestSuccessMs)
      this.#circuit.longestSuccessMs = tookMs;
    this.#halfOpen.settled(this, judgement, error);
  }
}
