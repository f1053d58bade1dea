import * as breakwater from "../contestants/breakwater.mjs";
import * as cockatiel from "../contestants/cockatiel.mjs";
import * as hand from "../contestants/by-hand.mjs";
import * as mollitia from "../contestants/mollitia.mjs";
import * as opossum from "../contestants/opossum.mjs";

/** @typedef {import("../types.js").Scenario} Scenario */

const halfFailing = {
  loop: /** @type {const} */ ("oneByOneCaught"),
  expected: { runs: 1, failures: 0.5 },
  open: false,
  contestants: [
    hand.bare,
    hand.counting,
    breakwater.wrapped("breaker + bulkhead"),
    breakwater.executed("breaker + bulkhead"),
    cockatiel.breaker,
    cockatiel.breakerAndBulkhead,
    opossum.breakerAndBulkhead,
    opossum.withoutStatistics,
    mollitia.breakerAndBulkhead,
  ],
  alone: ["breakwater wrap"],
};

/** Of 1000 calls 667 fail at first, 445 of these again, and 297 of these for good: 2112 runs. */
const twoRetries = {
  loop: /** @type {const} */ ("thousandInFlight"),
  expected: { runs: 2.112, failures: 0.297 },
  open: false,
  contestants: [
    hand.retryLoop,
    breakwater.wrapped("retry + budget"),
    breakwater.wrapped("full stack", "breakwater wrap, full stack"),
    cockatiel.retries,
    cockatiel.full,
    mollitia.retries,
    mollitia.full,
    opossum.retries,
  ],
  alone: ["breakwater wrap", "breakwater wrap, full stack"],
};

/**
 * A task that succeeds, and nothing in its way.
 *
 * @param {string} title
 * @param {Scenario["contestants"]} contestants
 * @param {Scenario["alone"]} alone
 * @returns {Scenario}
 */
const succeeding = (title, contestants, alone = []) => ({
  title,
  task: "succeeds",
  loop: "oneByOne",
  expected: { runs: 1, failures: 0 },
  open: false,
  contestants,
  alone,
});

/** Where heap and counts are taken: the two scenarios in which a call does nothing but succeed. */
export const quiet = ["closed", "full"];

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  closed: succeeding(
    "Closed circuit: breaker + bulkhead round a task that succeeds",
    [
      hand.bare,
      hand.counting,
      breakwater.wrapped("breaker + bulkhead"),
      breakwater.executed("breaker + bulkhead"),
      cockatiel.breaker,
      cockatiel.breakerAndBulkhead,
      opossum.breakerAndBulkhead,
      mollitia.breakerAndBulkhead,
    ],
    ["breakwater wrap", "breakwater execute"],
  ),
  full: succeeding(
    "Full stack: retry + budget + breaker + timeout + bulkhead round a task that succeeds",
    [
      hand.bare,
      hand.counting,
      breakwater.wrapped("full stack"),
      breakwater.executed("full stack"),
      cockatiel.full,
      opossum.full,
      mollitia.full,
    ],
    ["breakwater wrap", "breakwater execute"],
  ),
  open: {
    title: "Open circuit: the call is refused, the task does not run",
    task: "fails",
    loop: "oneByOneCaught",
    expected: { runs: 0, failures: 1 },
    open: true,
    contestants: [
      hand.bareRefusal,
      breakwater.wrapped("breaker + bulkhead"),
      breakwater.wrapped("full stack", "breakwater wrap, full stack"),
      cockatiel.breaker,
      { ...cockatiel.full, note: "no budget; retries its own refusal" },
      opossum.breakerAndBulkhead,
      mollitia.breakerAndBulkhead,
      { ...mollitia.full, note: "no budget; retries its own refusal" },
    ],
    alone: ["breakwater wrap", "breakwater wrap, full stack"],
  },
  "half-failing": {
    title: "Every second call fails, with one error object for all; the circuit stays closed",
    task: "failsHalf",
    ...halfFailing,
  },
  "half-failing-fresh": {
    title: "Every second call fails, with a new error each time; the circuit stays closed",
    task: "failsHalfFresh",
    ...halfFailing,
  },
  "two-retries": {
    title:
      "Two of three attempts fail, with one error object for all; up to two retries without delay; 1000 calls in flight",
    task: "failsTwoInThree",
    ...twoRetries,
  },
  "two-retries-fresh": {
    title:
      "Two of three attempts fail, with a new error each time; up to two retries without delay; 1000 calls in flight",
    task: "failsTwoInThreeFresh",
    ...twoRetries,
  },
  context: succeeding(
    "AsyncLocalStorage: a deadline that flows into nested calls, and one that does not",
    [
      hand.bare,
      hand.inContext,
      breakwater.wrapped("deadline that stays", "breakwater, propagate: false"),
      breakwater.wrapped("deadline that flows", "breakwater, propagate: true"),
    ],
  ),
  modes: succeeding("In shadow, and switched off, round a task that succeeds", [
    hand.bare,
    breakwater.wrapped("breaker + bulkhead", "breaker + bulkhead"),
    breakwater.wrapped("breaker + bulkhead", "breaker + bulkhead in shadow", { mode: "shadow" }),
    breakwater.wrapped("full stack", "full stack"),
    breakwater.wrapped("full stack", "full stack in shadow", { mode: "shadow" }),
  ]),
  off: succeeding(
    "Switched off: mode off, and an operator's bypass, round a task that succeeds",
    [
      hand.bare,
      hand.passThrough,
      breakwater.off,
      breakwater.bypassed("cleared"),
      breakwater.bypassed("1d"),
    ],
    ["pass-through by hand", "breakwater, mode off", "breakwater, bypass until cleared"],
  ),
  decorator: succeeding(
    "Decorated method and wrapped function: breaker + bulkhead round a task that succeeds",
    [
      hand.bareMethod,
      breakwater.wrapped("breaker + bulkhead"),
      breakwater.decorated("breaker + bulkhead"),
      cockatiel.breaker,
      cockatiel.decorator,
    ],
  ),
};
