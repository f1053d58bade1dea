import { cockatiel, ours, plain, retries } from "../contestants/axios.mjs";

export const quiet = ["axios"];

/** @type {Readonly<Record<string, import("../types.js").Scenario>>} */
export const scenarios = {
  axios: {
    title: "A request of axios whose adapter has its answer at once",
    task: "succeeds",
    loop: "oneByOne",
    expected: { runs: 1, failures: 0 },
    open: false,
    contestants: [plain, ours, retries, cockatiel],
    alone: [],
  },
};
