import {
  badInput,
  BreakwaterError,
  bulkhead,
  circuitBreaker,
  classify,
  deadline,
  definePolicy,
  type Issue,
  type Policy,
  type PolicyPart,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

type Given = Record<string, unknown>;

/** Each part as JavaScript calls it: whatever the types say. */
const MAKERS = {
  circuitBreaker: circuitBreaker as (options: unknown) => object,
  retryBudget: retryBudget as (options: unknown) => object,
  retry: retry as (options: unknown) => object,
  timeout: timeout as (options: unknown) => object,
  deadline: deadline as (options: unknown) => object,
  bulkhead: bulkhead as (options: unknown) => object,
  classify: classify as (options: unknown) => object,
  policy: resilient as (options: unknown) => object,
};
type Maker = keyof typeof MAKERS;
const make = (part: Maker, options: unknown): object => MAKERS[part](options);

/** The problems of what `define` defines; any other error fails the test. */
function problemsIn(define: () => unknown): readonly Issue[] {
  try {
    define();
    return [];
  } catch (error) {
    if (error instanceof BreakwaterError && error.code === "ERR_INVALID_SPEC")
      return error.issues ?? [];
    throw error;
  }
}

/** The same, where there must be some. */
function problemsOf(define: () => unknown): readonly Issue[] {
  const problems = problemsIn(define);
  if (problems.length === 0) throw new Error("was accepted");
  return problems;
}
const pathsOf = (define: () => unknown): string[] => problemsOf(define).map(({ path }) => path);

interface Field {
  /** Values that must be refused, and values that must not. */
  readonly bad: readonly unknown[];
  readonly good: readonly unknown[];
  /** What must stand beside it. */
  readonly beside?: Given;
}

const NO_NUMBER = [null, true, "many", {}, [], 5n, Number.NaN, Infinity, -Infinity];
const LONGEST_MS = 2 ** 31 - 1;

const integer = (min: number, max: number, beside?: Given): Field => ({
  bad: [...NO_NUMBER, String(min), min - 1, max + 1, min + 0.5],
  good: [min, max],
  ...(beside === undefined ? {} : { beside }),
});
const duration = (min: number, beside?: Given): Field => ({
  bad: [...NO_NUMBER, "2", "2 s", "", "-1s", "1e3ms", "2S", min - 1, min + 0.5, LONGEST_MS + 1],
  good: [min, LONGEST_MS, "2s", "1.5m", "250ms"],
  ...(beside === undefined ? {} : { beside }),
});
const share = (lowest: number, beside?: Given): Field => ({
  bad: [...NO_NUMBER, "0.5", -0.1, 1.01, 50, ...(lowest === 0 ? [] : [0])],
  good: [lowest, 0.5, 1],
  ...(beside === undefined ? {} : { beside }),
});
const text: Field = { bad: ["", "x".repeat(257), 5, null, {}], good: ["x", "x".repeat(256)] };
const flag: Field = { bad: [0, 1, "true", null, {}], good: [true, false] };
const fn: Field = { bad: ["fn", 5, null, {}], good: [() => undefined] };
const oneOf = (...values: string[]): Field => ({ bad: ["maybe", "", 5, null], good: values });
const removal: Field = { bad: [false, 5, {}, "none"], good: [null] };

const keys = { maxKeys: integer(1, 1_000_000), idleKeyMs: duration(1) };
const byRatio = { failureRatio: 0.5 };

const FIELDS: { readonly [M in Maker]: Readonly<Record<string, Field>> } = {
  circuitBreaker: {
    name: text,
    consecutiveFailures: integer(1, 10_000),
    failureRatio: share(0.001),
    timeoutRatio: share(0.001),
    slowCallMs: duration(1),
    slowCallRatio: share(0.001, { slowCallMs: 100 }),
    window: {
      bad: [
        5,
        null,
        "10s",
        {},
        [],
        { count: 0 },
        { count: 1.5 },
        { count: "5" },
        { count: 1_000_001 },
        { ms: 9 },
        { ms: "soon" },
        { ms: undefined },
        { ms: 100, count: 5 },
        { seconds: 5 },
      ],
      good: [{ count: 1 }, { count: 1_000_000 }, { ms: 10 }, { ms: "1m" }],
      beside: byRatio,
    },
    minimumCalls: integer(1, 1_000_000, byRatio),
    openMs: duration(1, { maxOpenMs: LONGEST_MS }),
    maxOpenMs: duration(1, { openMs: 1 }),
    probes: integer(1, 1_000),
    probeSuccessRatio: share(0.001),
    probeMs: duration(1),
    ...keys,
  },
  retryBudget: {
    name: text,
    ratio: share(0),
    windowMs: duration(10),
    reserve: integer(0, 1_000_000),
    reserveRefillMs: duration(1),
    credit: oneOf("calls", "successes"),
    ...keys,
  },
  retry: {
    maxAttempts: integer(1, 100),
    baseMs: duration(0, { maxMs: LONGEST_MS }),
    maxMs: duration(0, { baseMs: 0 }),
    jitter: oneOf("none", "full", "equal", "decorrelated"),
    maxRetryAfterMs: duration(0),
    nested: flag,
  },
  timeout: { attemptTimeoutMs: duration(1) },
  deadline: {
    deadlineMs: duration(1, { minAttemptMs: 0 }),
    minAttemptMs: duration(0, { deadlineMs: LONGEST_MS }),
  },
  bulkhead: {
    name: { ...text, beside: { limit: 5 } },
    limit: integer(1, 1_000_000),
    queueLimit: integer(0, 1_000_000, { limit: 5 }),
    queueWaitMs: duration(1, { limit: 5 }),
    abandonMs: duration(1, { limit: 5 }),
    perKey: { ...flag, beside: { limit: 5 } },
    maxKeys: integer(1, 1_000_000, { limit: 5 }),
    idleKeyMs: duration(1, { limit: 5 }),
  },
  classify: { error: fn, result: fn, unknown: oneOf("transient", "permanent") },
  policy: {
    name: text,
    key: fn,
    idempotent: { bad: [0, "no", null, {}], good: [true, false, () => true] },
    mode: oneOf("enforce", "shadow", "off"),
    canary: {
      bad: [0.5, null, {}, { ratio: 20 }, { ratio: 0.5, by: "user" }, { ratio: 0.5, share: 1 }],
      good: [{ ratio: 0 }, { ratio: 1, by: "key", salt: "a" }, { ratio: 0.5, by: "process" }],
    },
    context: flag,
    stackTraces: flag,
    dependency: text,
    owner: text,
    runbook: text,
    deadline: removal,
    retry: removal,
    budget: removal,
    breaker: removal,
    bulkhead: removal,
    timeout: removal,
    classify: removal,
  },
};

const EVERY_FIELD = Object.entries(FIELDS).flatMap(([part, fields]) =>
  Object.entries(fields).map(([name, field]) => [part as Maker, name, field] as const),
);

function shown(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

describe.each(EVERY_FIELD)("%s.%s", (part, name, { bad, good, beside }) => {
  it("refuses what it cannot be, and says where, what it expects and what it got", () => {
    for (const value of bad) {
      const problems = problemsOf(() => make(part, { ...beside, [name]: value }));
      expect(problems, shown(value)).toHaveLength(1);
      const [{ path, expected, received }] = problems as [Issue];
      expect(expected, shown(value)).not.toMatch(/^Invalid|^$/);
      expect(path.startsWith(`${part}.${name}`), path).toBe(true);
      // Inside an option that is an object it is the inner value that is shown.
      const inner = path !== `${part}.${name}`;
      expect(inner || received.slice(0, 50) === shown(value).slice(0, 50), received).toBe(true);
    }
  });

  it("takes what it can be, up to its bounds", () => {
    for (const value of good)
      expect(() => make(part, { ...beside, [name]: value }), shown(value)).not.toThrow();
  });

  it("may be undefined, which is to say nothing", () => {
    const required = ["attemptTimeoutMs", "deadlineMs", "limit"].includes(name);
    const problems = problemsIn(() => make(part, { ...beside, [name]: undefined }));
    expect(problems.map(({ path }) => path)).toEqual(required ? [`${part}.${name}`] : []);
  });
});

describe("a part", () => {
  it.each(Object.keys(MAKERS) as Maker[])("is not made from what are no options: %s", (part) => {
    for (const nonsense of [null, true, Symbol("options"), [], new Date(0), new Map(), -0.5])
      expect(pathsOf(() => make(part, nonsense)).length).toBe(1);
  });

  it.each(Object.keys(MAKERS) as Maker[])("has no option that we don't know: %s", (part) => {
    const [required] = Object.entries({
      timeout: "attemptTimeoutMs",
      deadline: "deadlineMs",
      bulkhead: "limit",
    }).filter(([kind]) => kind === part);
    const options = { ...(required && { [required[1]]: 50 }), retriesss: 2 };
    const [problem] = problemsOf(() => make(part, options));
    expect(problem).toMatchObject({ path: `${part}.retriesss`, received: "2" });
    for (const known of Object.keys(FIELDS[part])) expect(problem?.expected).toContain(known);
  });

  it.each(Object.keys(MAKERS) as Maker[])(
    "takes __proto__, constructor and their like for what they are, unknown options: %s",
    (part) => {
      const required = {
        timeout: { attemptTimeoutMs: 50 },
        deadline: { deadlineMs: 50 },
        bulkhead: { limit: 5 },
      };
      const base = JSON.stringify({ ...(required as Record<string, Given>)[part] });
      for (const name of ["__proto__", "constructor", "prototype", "hasOwnProperty", "toString"])
        for (const value of ['{"polluted":true}', "5", "null"]) {
          const sum = `{"${name}":${value}${base === "{}" ? "}" : `,${base.slice(1)}`}`;
          expect(pathsOf(() => make(part, JSON.parse(sum)))).toEqual([`${part}.${name}`]);
        }
      expect(({} as Given)["polluted"]).toBeUndefined();
    },
  );

  it("reads an object's own options, not what somebody has put on all objects", () => {
    const everywhere = Object.prototype as { maxAttempts?: number };
    everywhere.maxAttempts = 0;
    try {
      expect(() => retry({ baseMs: 5 })).not.toThrow();
    } finally {
      delete everywhere.maxAttempts;
    }
  });
});

describe("durations", () => {
  it("are shown as they were given when they are out of bounds", () => {
    expect(problemsOf(() => timeout("24.9d"))).toMatchObject([{ received: '"24.9d"' }]);
  });

  it("may be given alone where a part has only one option that matters", () => {
    expect(pathsOf(() => timeout("soon" as never))).toEqual(["timeout.attemptTimeoutMs"]);
    expect(pathsOf(() => deadline(-5))).toEqual(["deadline.deadlineMs"]);
    expect(pathsOf(() => (timeout as () => unknown)())).toEqual(["timeout.attemptTimeoutMs"]);
    expect(pathsOf(() => (deadline as () => unknown)())).toEqual(["deadline.deadlineMs"]);
  });
});

describe("options that contradict each other", () => {
  it.each<[string, () => unknown, string[]]>([
    ["baseMs above maxMs", () => retry({ baseMs: 500, maxMs: 100 }), ["retry.baseMs"]],
    ["baseMs above the default maxMs", () => retry({ baseMs: "30s" }), ["retry.baseMs"]],
    [
      "maxOpenMs below openMs",
      () => circuitBreaker({ openMs: 500, maxOpenMs: 100 }),
      ["circuitBreaker.maxOpenMs"],
    ],
    [
      "maxOpenMs below the default openMs",
      () => circuitBreaker({ maxOpenMs: "5s" }),
      ["circuitBreaker.maxOpenMs"],
    ],
    [
      "slowCallRatio without slowCallMs",
      () => circuitBreaker({ slowCallRatio: 0.5 }),
      ["circuitBreaker.slowCallRatio"],
    ],
    [
      "a window that no rule looks at",
      () => circuitBreaker({ window: { count: 5 } }),
      ["circuitBreaker.window"],
    ],
    [
      "minimumCalls that no rule heeds",
      () => circuitBreaker({ minimumCalls: 5, consecutiveFailures: 5 }),
      ["circuitBreaker.minimumCalls"],
    ],
    [
      "minimumCalls that the window cannot hold",
      () => circuitBreaker({ ...byRatio, window: { count: 5 }, minimumCalls: 6 }),
      ["circuitBreaker.minimumCalls"],
    ],
    [
      "minAttemptMs above deadlineMs",
      () => deadline({ deadlineMs: 5, minAttemptMs: 6 }),
      ["deadline.minAttemptMs"],
    ],
    [
      "an attempt timeout as long as the deadline",
      () => resilient(timeout("5s"), deadline("5s")),
      ["timeout.attemptTimeoutMs"],
    ],
    [
      "an attempt timeout above the deadline",
      () => resilient(timeout("6s"), deadline("5s")),
      ["timeout.attemptTimeoutMs"],
    ],
    ["two breakers", () => resilient(circuitBreaker(), circuitBreaker()), ["policy"]],
    [
      "a breaker twice",
      () => ((breaker) => resilient(breaker, breaker))(circuitBreaker()),
      ["policy"],
    ],
    [
      "two of every kind",
      () =>
        resilient(
          ...twice(() => [
            retry(),
            retryBudget(),
            timeout(5),
            deadline(50),
            bulkhead({ limit: 5 }),
            classify({}),
          ]),
        ),
      Array.from({ length: 6 }, () => "policy"),
    ],
    ["two objects of options", () => resilient({ name: "a" }, { owner: "b" }), ["policy"]],
    [
      "a name beside the name",
      () => definePolicy("bad-input-a", { name: "bad-input-b" }),
      ["policy.name"],
    ],
  ])("are refused: %s", (_, define, paths) => {
    expect(pathsOf(define)).toEqual(paths);
  });

  it("are fine at their limits", () => {
    retry({ baseMs: 100, maxMs: 100 });
    circuitBreaker({
      openMs: 100,
      maxOpenMs: 100,
      ...byRatio,
      window: { count: 5 },
      minimumCalls: 5,
    });
    resilient(timeout(4_999), deadline(5_000));
    expect(() => circuitBreaker({ ...byRatio, window: { count: 5 } })).not.toThrow();
  });
});

const twice = <T>(parts: () => T[]): T[] => [...parts(), ...parts()];

describe("one error", () => {
  it("names all problems of a part: unknown, of the wrong type, out of bounds", () => {
    const options = { resetTimeout: 5, threshold: 3, openMs: "soon", probes: 0, name: 5 };
    const paths = ["resetTimeout", "threshold", "name", "openMs", "probes"];
    expect(pathsOf(() => make("circuitBreaker", options)).toSorted()).toEqual(
      paths.map((name) => `circuitBreaker.${name}`).toSorted(),
    );
  });

  it("names contradictions beside other problems", () => {
    expect(
      pathsOf(() => make("retry", { baseMs: 500, maxMs: 100, maxAttempts: 0 })).toSorted(),
    ).toEqual(["retry.baseMs", "retry.maxAttempts"]);
    expect(
      pathsOf(() => make("circuitBreaker", { slowCallRatio: 0.5, openMs: "soon" })).toSorted(),
    ).toEqual(["circuitBreaker.openMs", "circuitBreaker.slowCallRatio"]);
  });

  it("names all problems of a policy: its parts, its options, what is neither", () => {
    const parts = [
      circuitBreaker(),
      circuitBreaker(),
      timeout(9),
      deadline(9_000),
      "crm",
      { key: 5, retries: 2 },
    ];
    const paths = pathsOf(() => (resilient as (...given: unknown[]) => unknown)(...parts));
    expect(paths.toSorted()).toEqual(["policy", "policy.key", "policy.retries", "policy[4]"]);
  });

  it("names the problems of each object of options", () => {
    const given = [{ name: "" }, { name: "crm" }];
    expect(pathsOf(() => resilient(...given))).toContain("policy.name");
  });

  it("says in its message what its issues say", () => {
    let error: unknown;
    try {
      make("retry", { retries: 2, maxAttempts: 0 });
    } catch (thrown) {
      error = thrown;
    }
    const { message, issues } = error as BreakwaterError;
    expect(message).toContain("2 problems");
    expect(issues).toHaveLength(2);
    for (const { path, expected, received, hint = "" } of issues ?? [])
      for (const said of [path, expected, received, hint]) expect(message).toContain(said);
    expect(JSON.parse(JSON.stringify(issues))).toEqual(issues);
  });

  it("leaves a part as it was when a retune is wrong", () => {
    const breaker = circuitBreaker({ name: "crm" });
    const before = breaker.describe();
    expect(pathsOf(() => breaker.retune({ openMs: -1, probes: 0 }))).toHaveLength(2);
    expect(breaker.describe()).toBe(before);
  });
});

describe("who knows another library is told our word", () => {
  it.each<[Maker, Given, string]>([
    ["circuitBreaker", { resetTimeout: 30_000 }, "openMs"],
    ["circuitBreaker", { halfOpenAfter: 30_000 }, "openMs"],
    ["circuitBreaker", { errorThresholdPercentage: 50 }, "failureRatio: 0.5"],
    ["circuitBreaker", { failureRateThreshold: 25 }, "failureRatio: 0.25"],
    ["circuitBreaker", { slowCallRateThreshold: 100 }, "slowCallRatio: 1"],
    ["circuitBreaker", { volumeThreshold: 5 }, "minimumCalls"],
    ["circuitBreaker", { rollingCountTimeout: 10_000 }, "window: { ms: 10000 }"],
    ["circuitBreaker", { slidingWindowSize: 100 }, "window: { count: 100 }"],
    ["circuitBreaker", { permittedNumberOfCallsInHalfOpenState: 5 }, "probes"],
    ["circuitBreaker", { timeout: 3_000 }, "timeout("],
    ["circuitBreaker", { capacity: 5 }, "bulkhead({ limit"],
    ["circuitBreaker", { errorFilter: () => true }, "classify({ error })"],
    ["retry", { retries: 2 }, "maxAttempts: 3"],
    ["retry", { maxRetries: 0 }, "maxAttempts: 1"],
    ["retry", { minTimeout: 100 }, "baseMs"],
    ["retry", { maxDelay: 100 }, "maxMs"],
    ["retry", { randomize: false }, "jitter: 'none'"],
    ["retry", { maxRetryTime: 5_000 }, "deadline("],
    ["retry", { retryCondition: () => true }, "classify({ error })"],
    ["retryBudget", { percentCanRetry: 20 }, "ratio: 0.2"],
    ["retryBudget", { ttl: 10_000 }, "windowMs"],
    ["retryBudget", { minRetriesPerSecond: 10 }, "reserve"],
    ["timeout", { timeout: 5, attemptTimeoutMs: 5 }, "attemptTimeoutMs"],
    ["deadline", { maxElapsedTime: 5, deadlineMs: 50 }, "deadlineMs"],
    ["bulkhead", { capacity: 5, limit: 5 }, "limit"],
    ["bulkhead", { maxConcurrent: 5, limit: 5 }, "limit"],
    ["classify", { retryIf: () => true }, "error"],
    ["policy", { retries: 3 }, "retry({ maxAttempts })"],
    ["policy", { circuitBreaker: {} }, "circuitBreaker()"],
    ["policy", { deadlineMs: 5 }, "deadline("],
    ["policy", { errorThresholdPercentage: 50 }, "failureRatio"],
  ])("%s %j", (part, options, ours) => {
    const [problem, ...others] = problemsOf(() => make(part, options));
    expect(others).toEqual([]);
    expect(problem?.path).toBe(`${part}.${Object.keys(options)[0]}`);
    expect(problem?.hint).toContain(ours);
  });

  it("does not promise a number where there was none", () => {
    for (const nonsense of ["many", null, {}, undefined]) {
      const [problem] = problemsOf(() =>
        make("circuitBreaker", { errorThresholdPercentage: nonsense }),
      );
      expect(problem?.hint).toBe("Here that is failureRatio");
    }
  });
});

describe("a name", () => {
  it("is needed to define a policy, and must be free", () => {
    for (const nonsense of ["", 5, null, undefined, {}])
      expect(pathsOf(() => definePolicy(nonsense as string))).toEqual(["definePolicy"]);
    definePolicy("bad-input taken");
    expect(pathsOf(() => definePolicy("bad-input taken"))).toEqual(["definePolicy"]);
  });

  it("that nobody has defined is an error of its own", () => {
    expect(() => resilient("bad-input nobody")).toThrow(
      expect.objectContaining({ code: "ERR_UNKNOWN_POLICY", policy: "bad-input nobody" }),
    );
  });

  it("stands alone, and a decorator needs its parentheses", () => {
    const define = resilient as (...given: unknown[]) => unknown;
    const [byName] = problemsOf(() => define("crm", circuitBreaker()));
    expect(byName).toMatchObject({
      path: "policy[0]",
      hint: expect.stringContaining("name") as string,
    });
    const [bare] = problemsOf(() => define(() => {}));
    expect(bare).toMatchObject({ hint: expect.stringContaining("@Resilient()") as string });
  });
});

describe("an error of an adapter", () => {
  it.each<[unknown, string]>([
    [{ user: "ana", password: "swordfish" }, "an object with user, password"],
    [{}, "an object with nothing in it"],
    [
      Object.fromEntries("abcdefg".split("").map((name) => [name, 1])),
      "an object with a, b, c, d, e",
    ],
    ["7", '"7"'],
    [7, "7"],
    [null, "null"],
    [resilient, "the function resilient"],
    [() => 1, "the function (without a name)"],
  ])("shows names and no values of an object: %j is %s", (given, received) => {
    const error = badInput("wrapPool.options", "a pool", given, "Make one");
    const issue = { path: "wrapPool.options", expected: "a pool", received, hint: "Make one" };
    expect(error).toMatchObject({ code: "ERR_INVALID_SPEC", issues: [issue] });
    expect(error.message).toBe(
      `Invalid options, 1 problem:\n  wrapPool.options: expected a pool, received ${received}. Make one`,
    );
  });

  it("has no hint where there is none to give", () => {
    const { message, issues } = badInput("pgLock", "a name", 7);
    expect(message).toMatch(/received 7$/);
    expect(issues).toEqual([{ path: "pgLock", expected: "a name", received: "7" }]);
  });
});

describe("whatever is given", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  const plausible = fc.oneof(
    fc.integer({ min: -2, max: 60_000 }),
    fc.double(),
    fc.constantFrom(
      "2s",
      "250ms",
      "full",
      "none",
      "calls",
      "successes",
      "transient",
      true,
      false,
      null,
      undefined,
    ),
    fc.constantFrom({ count: 10 }, { ms: 1_000 }, { ms: "1s" }),
    fc.func(anything),
  );
  const value = fc.oneof({ weight: 3, arbitrary: plausible }, { weight: 2, arbitrary: anything });
  const odd = ["__proto__", "constructor", "toString", "retries", "resetTimeout", ""];

  it.each(Object.keys(MAKERS) as Maker[])(
    "gives a working part or says what is wrong: %s",
    async (part) => {
      const names = fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...Object.keys(FIELDS[part])) },
        { weight: 1, arbitrary: fc.constantFrom(...odd) },
      );
      const options = fc.array(fc.tuple(names, value), { maxLength: 4 }).map(ownProperties);
      const property = fc.asyncProperty(
        fc.oneof({ weight: 8, arbitrary: options }, { weight: 1, arbitrary: anything }),
        async (given) => {
          let made: object;
          try {
            made = make(part, given);
          } catch (error) {
            expectWellFormed(error, given);
            return;
          }
          const policy = part === "policy" ? (made as Policy) : resilient(made as PolicyPart);
          expect(await policy.execute(() => "fine")).toBe("fine");
          expect(String(policy.explain())).toContain(policy.name);
        },
      );
      await fc.assert(property, { numRuns: 500 });
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  );
});

/** As JSON.parse would make it: `__proto__` too is a property like any other. */
function ownProperties(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, own] of entries)
    Object.defineProperty(object, name, {
      value: own,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  return object;
}

function expectWellFormed(error: unknown, given: unknown): void {
  const { code, issues } = error as BreakwaterError;
  // A text alone is the name of a policy, and there is none of that name.
  const unknownName = typeof given === "string" && code === "ERR_UNKNOWN_POLICY";
  expect(unknownName || code === "ERR_INVALID_SPEC", String(error)).toBe(true);
  expect(unknownName || issues?.length).toBeTruthy();
  for (const { path, expected, received, hint = "none" } of issues ?? [])
    for (const said of [path, expected, received, hint]) expect(said).toMatch(/./);
}
