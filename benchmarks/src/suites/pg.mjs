import { ours, plain, recommended } from "../contestants/pg.mjs";

export const quiet = [];

/** @type {Readonly<Record<string, import("../types.js").Scenario>>} */
export const scenarios = {
  pg: {
    title: "select 1 on a unix socket, through a pool of pg",
    task: "succeeds",
    loop: "oneByOne",
    expected: { runs: 1, failures: 0 },
    open: false,
    contestants: [plain, ours, recommended],
    alone: [],
  },
};
