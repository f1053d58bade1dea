/**
 * Tasks and loops, made anew for each contestant. V8 keeps what it has learned about a call site with the function's
 * code, so contestants that share one would slow each other down: `new Function` gives each its own code.
 */
const DEPENDENCY_DOWN = new Error("the dependency is down");

const BODIES = {
  succeeds: "return 1;",
  fails: "throw new Error('the dependency is down');",
  failsHalf: "if (++runs % 2 === 1) throw DEPENDENCY_DOWN; return 1;",
  failsHalfFresh: "if (++runs % 2 === 1) throw new Error('the dependency is down'); return 1;",
  failsTwoInThree: "if (++runs % 3 !== 0) throw DEPENDENCY_DOWN; return 1;",
  failsTwoInThreeFresh:
    "if (++runs % 3 !== 0) throw new Error('the dependency is down'); return 1;",
};

/**
 * @param {import("./types.js").TaskKind} kind
 * @returns {import("./types.js").TaskCopy}
 */
export function copyOfTask(kind) {
  return evaluate(`
    let runs = 0;
    async function task() { ${BODIES[kind]} }
    class Service { async task() { ${BODIES[kind]} } }
    return { task, Service };`);
}

/** Each returns how many calls have failed. */
const LOOPS = {
  oneByOne: `
    for (let i = 0; i < turns; i++) await call();
    return 0;`,
  oneByOneCaught: `
    let failures = 0;
    for (let i = 0; i < turns; i++) try { await call(); } catch { failures++; }
    return failures;`,
  thousandInFlight: `
    let failures = 0;
    for (let i = 0; i < turns; i++) {
      const calls = [];
      for (let k = 0; k < 1000; k++) calls.push(call());
      for (const { status } of await Promise.allSettled(calls)) if (status === "rejected") failures++;
    }
    return failures;`,
};

export const CALLS_PER_TURN = { oneByOne: 1, oneByOneCaught: 1, thousandInFlight: 1000 };

/**
 * @param {import("./types.js").LoopKind} kind
 * @returns {(call: () => Promise<unknown>, turns: number) => Promise<number>}
 */
export function copyOfLoop(kind) {
  return evaluate(`return async function loop(call, turns) { ${LOOPS[kind]} };`);
}

let copies = 0;

/**
 * No two sources are the same: V8 remembers the code of a text that it has compiled before.
 *
 * @param {string} source Ours, from above.
 */
function evaluate(source) {
  // oxlint-disable-next-line typescript/no-implied-eval -- the one way to give a function code of its own
  return new Function("DEPENDENCY_DOWN", `${source}// ${++copies}`)(DEPENDENCY_DOWN);
}
