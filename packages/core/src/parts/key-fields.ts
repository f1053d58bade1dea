import { LONGEST_TIMER_MS } from "../time/duration.js";
import { duration, integer } from "./options.js";

/** Options that other parts with keys have, too. */
export const keyFields = {
  maxKeys: integer(1, 1_000_000, 10_000, {
    meaning: "how many keys have a state of their own; more share one",
  }),
  idleKeyMs: duration(1, LONGEST_TIMER_MS, 600_000, {
    meaning: "a key not asked for during this time, and as good as new, is forgotten",
  }),
} as const;
