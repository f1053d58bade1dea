import CircuitBreaker from "opossum";

/** @typedef {import("../types.js").Contestant} Contestant */
/** @typedef {import("../types.js").TaskCopy} TaskCopy */

/**
 * @param {TaskCopy} copy
 * @param {object} options
 */
function enter({ task }, options) {
  const breaker = new CircuitBreaker(task, {
    errorThresholdPercentage: 90,
    volumeThreshold: 20,
    resetTimeout: 3_600_000,
    capacity: 1_000_000,
    ...options,
  });
  return { call: () => breaker.fire(), isOpen: () => breaker.opened };
}

/** @type {Contestant} */
export const breakerAndBulkhead = {
  name: "opossum breaker + capacity",
  make: (copy) => enter(copy, { timeout: false }),
};

/** @type {Contestant} */
export const withoutStatistics = {
  name: "opossum without statistics",
  note: "no percentiles, no snapshots",
  make: (copy) =>
    enter(copy, { timeout: false, rollingPercentilesEnabled: false, enableSnapshots: false }),
};

/** @type {Contestant} */
export const full = {
  name: "opossum breaker + capacity + timeout",
  note: "no retry, no budget",
  make: (copy) => enter(copy, { timeout: 60_000 }),
};

/** @type {Contestant} */
export const retries = { name: "opossum", note: "has no retries" };
