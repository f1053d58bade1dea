import { AsyncLocalStorage } from "node:async_hooks";

/** @typedef {import("../types.js").Contestant} Contestant */

/** @type {Contestant} */
export const bare = { name: "bare await", make: ({ task }) => ({ call: task }) };

/**
 * What anything costs that stands before a function and does nothing.
 *
 * @type {Contestant}
 */
export const passThrough = {
  name: "pass-through by hand",
  make({ task }) {
    /** @this {unknown} @param {[]} args */
    const call = function (...args) {
      return task.apply(this, args);
    };
    return { call };
  },
};

/**
 * What an open circuit is compared with: a dependency that refuses the call itself.
 *
 * @type {Contestant}
 */
export const bareRefusal = { ...bare, name: "bare rejection", expected: { runs: 1, failures: 1 } };

/** @type {Contestant} */
export const bareMethod = {
  name: "bare method",
  make({ Service }) {
    const service = new Service();
    return { call: () => service.task() };
  },
};

/**
 * What any library pays that lets a deadline flow into what is called after an `await`.
 *
 * @type {Contestant}
 */
export const inContext = {
  name: "AsyncLocalStorage.run",
  note: "round the bare task",
  make({ task }) {
    const contexts = new AsyncLocalStorage();
    const store = { endsMs: Infinity };
    return { call: () => contexts.run(store, task) };
  },
};

/** @type {Contestant} */
export const counting = {
  name: "try/catch by hand",
  note: "counts successes and failures, decides nothing",
  make({ task }) {
    const seen = { successes: 0, failures: 0 };
    const call = async () => {
      try {
        const value = await task();
        seen.successes++;
        return value;
      } catch (error) {
        seen.failures++;
        throw error;
      }
    };
    return { call };
  },
};

/** @type {Contestant} */
export const retryLoop = {
  name: "loop by hand",
  make({ task }) {
    const call = async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await task();
        } catch (error) {
          if (attempt === 3) throw error;
        }
      }
    };
    return { call };
  },
};
