import type { ErrorSummary } from "../../errors/summary.js";
import type { TripReason } from "../../events/catalog.js";
import type { Judgement } from "../../verdicts/verdict.js";
import type { SavedWindow, WindowShape } from "../../windows/outcome-window.js";
import type { Answer, Entrant, Guard } from "../guard.js";
import type { CircuitRules } from "./rules.js";

/** What a circuit reports when it changes its state. */
export type Transition =
  | {
      readonly to: "open";
      readonly reason: TripReason;
      readonly openMs: number;
      readonly cause: ErrorSummary | undefined;
    }
  | { readonly to: "half-open"; readonly probes: number }
  | { readonly to: "closed"; readonly openedForMs: number };

/** What the circuits of one breaker have in common. */
export interface CircuitHome {
  readonly name: string;
  readonly rules: CircuitRules;
  changed(circuit: { readonly key: string | undefined }, transition: Transition): void;
}

/** The circuit, as its states see it. */
export interface Machine extends Guard {
  readonly home: CircuitHome;
  /** The present state: one that has been replaced learns nothing more. */
  readonly state: object;
  readonly lastOpenMs: number;
  longestSuccessMs: number;
  trip(reason: TripReason, judgement: Judgement, outcome: unknown): void;
  halfOpen(): { enter(entrant: Entrant): Answer };
  close(): void;
}

/** A circuit as plain data. */
export type SavedCircuit = { readonly trips: number; readonly lastOpenMs: number } & (
  | {
      readonly state: "closed";
      readonly row: number;
      readonly forMs: number;
      /** Undefined where no rule needed a window. */
      readonly shape?: WindowShape | undefined;
      readonly window: SavedWindow;
    }
  | {
      readonly state: "open" | "half-open";
      readonly leftMs: number;
      readonly reason: TripReason;
      readonly cause?: ErrorSummary | undefined;
    }
);
/** What a state saves; the rest is the circuit's. */
export type SavedState<S extends SavedCircuit> = S extends unknown
  ? Omit<S, "trips" | "lastOpenMs">
  : never;
