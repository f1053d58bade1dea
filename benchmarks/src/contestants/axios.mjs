import { install } from "@breakwater/axios-adapter";
import { circuitBreaker, retryBudget } from "@breakwater/core";
import axios from "axios";
import axiosRetry from "axios-retry";
import {
  circuitBreaker as breakerOfCockatiel,
  CircuitState,
  CountBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  wrap,
} from "cockatiel";

/** @typedef {import("../types.js").Contestant} Contestant */
/** @typedef {import("../types.js").TaskCopy} TaskCopy */

const URL = "http://crm.example/orders/1";

/**
 * An instance whose adapter runs the task and has its answer at once: what is left is what axios itself costs, and what is
 * added to it.
 *
 * @param {TaskCopy} copy
 */
function instanceOf({ task }) {
  return axios.create({
    adapter: async (config) => {
      void task();
      return { config, data: { id: 1 }, status: 200, statusText: "OK", headers: {} };
    },
  });
}

/** @type {Contestant} */
export const plain = {
  name: "plain axios",
  make(copy) {
    const client = instanceOf(copy);
    return { call: () => client.get(URL) };
  },
};

/** @type {Contestant} */
export const ours = {
  name: "breakwater",
  note: "a breaker for each host, budget, up to 3 attempts",
  make(copy) {
    const client = instanceOf(copy);
    const breaker = circuitBreaker();
    install(client, breaker, retryBudget());
    return { call: () => client.get(URL), isOpen: () => breaker.state("crm.example") === "open" };
  },
};

/** @type {Contestant} */
export const retries = {
  name: "axios-retry",
  note: "no breaker, no budget",
  make(copy) {
    const client = instanceOf(copy);
    axiosRetry(client, { retries: 2 });
    return { call: () => client.get(URL) };
  },
};

/** @type {Contestant} */
export const cockatiel = {
  name: "axios through cockatiel",
  note: "one breaker for all hosts, no budget",
  make(copy) {
    const client = instanceOf(copy);
    const breaker = breakerOfCockatiel(handleAll, {
      halfOpenAfter: 15_000,
      breaker: new CountBreaker({ threshold: 0.9, size: 100 }),
    });
    const policy = wrap(
      retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() }),
      breaker,
    );
    return {
      call: () => policy.execute(({ signal }) => client.get(URL, { signal })),
      isOpen: () => breaker.state === CircuitState.Open,
    };
  },
};
