import {
  bulkhead,
  circuitBreaker,
  deadline,
  resilient,
  Resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { copyOfTask } from "../copies.mjs";
import { decorateMethod } from "./decorate.mjs";

/** @typedef {import("../types.js").Contestant} Contestant */
/** @typedef {import("@breakwater/core").PolicyPart} PolicyPart */

/** Opens at nine failures in ten, as that of each contestant does, so that half of the calls may fail. */
const newBreaker = () =>
  circuitBreaker({ failureRatio: 0.9, window: { ms: 10_000 }, openMs: "1h" });
const newBulkhead = () => bulkhead({ limit: 1_000_000 });
/** One that never runs out: each retry is paid for, and none is denied. */
const newBudget = () => retryBudget({ ratio: 1, reserve: 1_000_000, reserveRefillMs: 1 });
const atOnce = () => retry({ maxAttempts: 3, baseMs: 0, jitter: "none" });

/** A shape is which parts a policy has; the engine's code is shared by all shapes of a process. */
const shapes = {
  breaker: () => [newBreaker()],
  "breaker + bulkhead": () => [newBreaker(), newBulkhead()],
  "retry + budget": () => [atOnce(), newBudget()],
  "full stack": () => [atOnce(), newBudget(), newBreaker(), timeout("60s"), newBulkhead()],
  "keyed breaker": () => [newBreaker(), { key: () => "eu" }],
  timeout: () => [timeout("60s")],
};

/** Shapes that are measured, and are none of the six. */
const moreShapes = {
  ...shapes,
  "deadline that stays": () => [deadline({ deadlineMs: "60s", propagate: false })],
  "deadline that flows": () => [deadline({ deadlineMs: "60s", propagate: true })],
};

/** @typedef {keyof typeof moreShapes} Shape */

/**
 * @param {Shape} shape
 * @returns {{ parts: PolicyPart[], isOpen: () => boolean }}
 */
function partsOf(shape) {
  const parts = moreShapes[shape]();
  const breaker = parts.find((part) => "kind" in part && part.kind === "breaker");
  const isOpen = () => breaker !== undefined && "state" in breaker && breaker.state() === "open";
  return { parts, isOpen };
}

/**
 * @param {Shape} shape
 * @param {string} [name]
 * @param {import("@breakwater/core").PolicyOptions} [options]
 * @returns {Contestant}
 */
export function wrapped(shape, name = "breakwater wrap", options) {
  return {
    name,
    make({ task }) {
      const { parts, isOpen } = partsOf(shape);
      const policy = resilient(...parts, ...(options === undefined ? [] : [options]));
      return { call: policy.wrap(task), isOpen };
    },
  };
}

/**
 * @param {Shape} shape
 * @returns {Contestant}
 */
export function executed(shape) {
  return {
    name: "breakwater execute",
    make({ task }) {
      const { parts, isOpen } = partsOf(shape);
      const policy = resilient(...parts);
      return { call: () => policy.execute(task), isOpen };
    },
  };
}

/**
 * @param {Shape} shape
 * @returns {Contestant}
 */
export function decorated(shape) {
  return {
    name: "breakwater @Resilient",
    make({ Service }) {
      const { parts, isOpen } = partsOf(shape);
      decorateMethod(Service.prototype, "task", Resilient(...parts));
      const service = new Service();
      return { call: () => service.task(), isOpen };
    },
  };
}

const CALLS_PER_SHAPE = 20_000;
const CALLS_IN_A_ROW = 1_000;

/**
 * Makes this process one in which six shapes of policy are in use, taking turns, with a failure now and then: what V8
 * has specialised for one of them alone no longer holds.
 */
export async function warmUpSixShapes() {
  const tasks = Object.keys(shapes).map((shape) => {
    const { task } = copyOfTask("succeeds");
    let runs = 0;
    const failsNowAndThen = async () => {
      if (++runs % 10 === 0) throw new Error("now and then");
      return task();
    };
    return resilient(...partsOf(/** @type {Shape} */ (shape)).parts).wrap(failsNowAndThen);
  });
  for (let done = 0; done < CALLS_PER_SHAPE; done += CALLS_IN_A_ROW)
    for (const task of tasks) for (let i = 0; i < CALLS_IN_A_ROW; i++) await task().catch(() => {});
}
