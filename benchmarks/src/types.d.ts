/** What one contestant protects: a copy of its own, so that no call site is shared with the others. */
export interface TaskCopy {
  readonly task: () => Promise<number>;
  /** The same task as a method. */
  readonly Service: new () => { task(): Promise<number> };
}

/** A contestant at the start line. */
export interface Entry {
  readonly call: () => Promise<unknown>;
  readonly isOpen?: () => boolean;
}

export interface Contestant {
  readonly name: string;
  /** Its parts that the others have and it has not, or what else a reader must know of it. */
  readonly note?: string;
  /** Where what is right for it differs from what is right for the rest of the scenario. */
  readonly expected?: PerCall;
  /** Missing where there is nothing that could be compared; the note then says why. */
  readonly make?: (copy: TaskCopy) => Entry;
}

/** What must be true of a call, on average, or the contestants have not done the same work. */
export interface PerCall {
  readonly runs: number;
  readonly failures: number;
}

export interface Scenario {
  readonly title: string;
  readonly task: TaskKind;
  readonly loop: LoopKind;
  readonly expected: PerCall;
  /** Whether the circuit is open during the measurement. */
  readonly open: boolean;
  /** The first one is the measure of the others. */
  readonly contestants: readonly Contestant[];
  /** Who is also measured in a process of its own. */
  readonly alone: readonly string[];
}

/** Scenarios that share their libraries. */
export interface Suite {
  readonly scenarios: Readonly<Record<string, Scenario>>;
  /** Those in which a call does nothing but succeed: heap and counts are taken there. */
  readonly quiet: readonly string[];
}

export type TaskKind =
  | "succeeds"
  | "fails"
  | "failsHalf"
  | "failsHalfFresh"
  | "failsTwoInThree"
  | "failsTwoInThreeFresh";
export type LoopKind = "oneByOne" | "oneByOneCaught" | "thousandInFlight";

/** How long to measure in one process. */
export interface Rounds {
  readonly rounds: number;
  /** In each round a contestant runs so many slices, and the median one counts. */
  readonly slices: number;
  /** Shorter than what a scheduler gives to somebody else, so that most slices are undisturbed. */
  readonly sliceMs: number;
}

export interface Effort extends Rounds {
  /** What the compiler makes of a process differs from one to the next, so one is not enough. */
  readonly processes: number;
}

/** What one child process measures. */
export type Job = { readonly suite: string; readonly scenario: string } & (
  | ({ readonly kind: "race"; readonly alone?: string } & Rounds)
  | { readonly kind: "heap"; readonly contestant: string }
  | { readonly kind: "counts" }
);

/** Nanoseconds per call, one number a round. */
export interface Timing {
  readonly contestant: string;
  readonly ns: readonly number[];
  /** To the first contestant of the same process, in the same round. */
  readonly ratios: readonly number[];
  /** False where it did not do the same work. */
  readonly comparable: boolean;
  readonly note?: string;
}

/** What is shown of a timing. */
export interface Row {
  readonly contestant: string;
  readonly nsMedian: number | null;
  readonly nsMin: number | null;
  readonly ratio: number | null;
  readonly note?: string;
}

/** What one call makes, beside what the bare call makes. */
export interface Counts {
  readonly contestant: string;
  readonly promises: number;
  readonly ticks: number;
  readonly timers: number;
  readonly abortControllers: number;
  readonly clockReads: number;
}

export interface Heap {
  readonly contestant: string;
  readonly bytesOverBare: number;
}

/** All by scenario. */
export interface Results {
  readonly timings: Record<string, Timing[]>;
  readonly heap: Record<string, Heap[]>;
  readonly counts: Record<string, Counts[]>;
}

export interface Goal {
  readonly id: string;
  readonly goal: string;
  readonly atMost: number;
  readonly unit: "x" | "B" | "ns" | "";
  /** Undefined where it was not measured, null where what was measured cannot be compared. */
  readonly value: (results: Results) => number | null | undefined;
}

export interface GoalResult {
  readonly id: string;
  readonly goal: string;
  readonly value: number | null;
  readonly met: boolean;
}
