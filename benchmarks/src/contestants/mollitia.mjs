import { BreakerState, Bulkhead, Circuit, Retry, SlidingCountBreaker, Timeout } from "mollitia";

/** @typedef {import("../types.js").Contestant} Contestant */
/** @typedef {import("../types.js").TaskCopy} TaskCopy */

const newBreaker = () =>
  new SlidingCountBreaker({
    slidingWindowSize: 100,
    minimumNumberOfCalls: 20,
    failureRateThreshold: 90,
    openStateDelay: 3_600_000,
  });
const newBulkhead = () => new Bulkhead({ concurrentSize: 1_000_000, queueSize: 0 });
const newRetry = () => new Retry({ attempts: 2, interval: 0 });

/**
 * @param {TaskCopy} copy
 * @param {SlidingCountBreaker | undefined} breaker
 * @param {import("mollitia").Module[]} modules Outermost first.
 */
function enter({ task }, breaker, modules) {
  const circuit = new Circuit({ func: task, options: { modules } });
  return { call: () => circuit.execute(), isOpen: () => breaker?.state === BreakerState.OPENED };
}

/** @type {Contestant} */
export const breakerAndBulkhead = {
  name: "mollitia breaker + bulkhead",
  make(copy) {
    const breaker = newBreaker();
    return enter(copy, breaker, [breaker, newBulkhead()]);
  },
};

/** @type {Contestant} */
export const full = {
  name: "mollitia full stack",
  note: "no budget",
  make(copy) {
    const breaker = newBreaker();
    const limit = new Timeout({ delay: 60_000 });
    return enter(copy, breaker, [newRetry(), breaker, limit, newBulkhead()]);
  },
};

/** @type {Contestant} */
export const retries = {
  name: "mollitia retry",
  note: "no budget; zero delay is a timer of 1 ms",
  make: (copy) => enter(copy, undefined, [newRetry()]),
};
