import { bare } from "../contestants/by-hand.mjs";
import { again, withEvents, withoutEvents } from "../contestants/engine-copies.mjs";

export const quiet = ["events"];

/** @type {Readonly<Record<string, import("../types.js").Scenario>>} */
export const scenarios = {
  events: {
    title: "What events cost while nobody listens: breaker + bulkhead round a task that succeeds",
    task: "succeeds",
    loop: "oneByOne",
    expected: { runs: 1, failures: 0 },
    open: false,
    contestants: [bare, withoutEvents, withEvents, again],
    alone: [],
  },
};
