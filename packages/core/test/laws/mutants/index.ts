import { mutant as refusedHalfWay } from "./01-refused-half-way.js";
import { mutant as refusalAsFailure } from "./02-refusal-as-failure.js";
import { mutant as wrappedError } from "./03-wrapped-error.js";
import { mutant as lostToken } from "./04-lost-token.js";
import { mutant as abortAsFailure } from "./05-abort-as-failure.js";
import { mutant as rejectingListener } from "./06-rejecting-listener.js";
import { mutant as lateResult } from "./07-late-result.js";
import { mutant as hungProbe } from "./08-hung-probe.js";
import { mutant as eagerSignal } from "./09-eager-signal.js";
import { mutant as tickerKeepsAlive } from "./10-ticker-keeps-alive.js";
import { mutant as stallAsTimeout } from "./11-stall-as-timeout.js";
import { mutant as wallTime } from "./12-wall-time.js";
import { mutant as lazyThenableTwice } from "./13-lazy-thenable-twice.js";
import type { Mutant } from "./mutant.js";

/** One for each law, in their order. */
export const MUTANTS: readonly Mutant[] = [
  refusedHalfWay,
  refusalAsFailure,
  wrappedError,
  lostToken,
  abortAsFailure,
  rejectingListener,
  lateResult,
  hungProbe,
  eagerSignal,
  tickerKeepsAlive,
  stallAsTimeout,
  wallTime,
  lazyThenableTwice,
];
