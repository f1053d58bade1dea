import {
  bulkhead,
  circuitBreaker,
  CircuitState,
  ConstantBackoff,
  CountBreaker,
  handleAll,
  retry,
  timeout,
  TimeoutStrategy,
  usePolicy,
  wrap,
} from "cockatiel";
import { decorateMethod } from "./decorate.mjs";

/** @typedef {import("../types.js").Contestant} Contestant */

/** A window of calls: cheaper than its window of time. */
const newBreaker = () =>
  circuitBreaker(handleAll, {
    halfOpenAfter: 3_600_000,
    breaker: new CountBreaker({ threshold: 0.9, size: 100 }),
  });
const newBulkhead = () => bulkhead(1_000_000, 0);
const newRetry = () => retry(handleAll, { maxAttempts: 2, backoff: new ConstantBackoff(0) });

/** @param {ReturnType<typeof newBreaker>} breaker */
const openState = (breaker) => () => breaker.state === CircuitState.Open;

/** @type {Contestant} */
export const breaker = {
  name: "cockatiel breaker",
  note: "no bulkhead",
  make({ task }) {
    const policy = newBreaker();
    return { call: () => policy.execute(task), isOpen: openState(policy) };
  },
};

/** @type {Contestant} */
export const breakerAndBulkhead = {
  name: "cockatiel breaker + bulkhead",
  make({ task }) {
    const own = newBreaker();
    const policy = wrap(own, newBulkhead());
    return { call: () => policy.execute(task), isOpen: openState(own) };
  },
};

/** @type {Contestant} */
export const full = {
  name: "cockatiel full stack",
  note: "no budget",
  make({ task }) {
    const own = newBreaker();
    const limit = timeout(60_000, TimeoutStrategy.Aggressive);
    const policy = wrap(newRetry(), own, limit, newBulkhead());
    return { call: () => policy.execute(task), isOpen: openState(own) };
  },
};

/** @type {Contestant} */
export const retries = {
  name: "cockatiel retry",
  note: "no budget; zero delay is a timer of 1 ms",
  make({ task }) {
    const policy = newRetry();
    return { call: () => policy.execute(task) };
  },
};

/** @type {Contestant} */
export const decorator = {
  name: "cockatiel @usePolicy",
  note: "no bulkhead",
  make({ Service }) {
    const own = newBreaker();
    decorateMethod(Service.prototype, "task", usePolicy(own));
    const service = new Service();
    return { call: () => service.task(), isOpen: openState(own) };
  },
};
