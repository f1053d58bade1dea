import {
  BreakwaterError,
  circuitBreaker,
  classify,
  explainError,
  type Said,
  resilient,
  retry,
  type VerdictName,
} from "@breakwater/core";
import { eventLog, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it, vi } from "vitest";
import { Classifier, type ClassifyRules } from "../src/classify/classifier.js";
import { Events } from "../src/events/events.js";
import { nodeError, rejectionOf, reset } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

interface Judged {
  readonly verdict: VerdictName;
  readonly retryAfterMs: number;
  readonly unsent: boolean;
  readonly unknown: boolean;
}

const NO_RULES: ClassifyRules = { error: undefined, result: undefined, unknown: "transient" };
/** Hints and `unsent` show nowhere else as they are. */
const classifierOf = (rules: Partial<ClassifyRules> = {}, events = new Events("crm")): Classifier =>
  new Classifier({ ...NO_RULES, ...rules }, events);

function judge(error: unknown, rules?: Partial<ClassifyRules>): Judged {
  const { verdict, ...rest } = classifierOf(rules).error(error);
  return { verdict: verdict.name, ...rest };
}

function judgeValue(value: unknown, rules?: Partial<ClassifyRules>): Judged {
  const { verdict, ...rest } = classifierOf(rules).result(value);
  return { verdict: verdict.name, ...rest };
}

const coded = (code: string): Error => Object.assign(new Error(code), { code });
const named = (name: string): Error => Object.assign(new Error("failed"), { name });
const withStatus = (status: number, more: object = {}): Error =>
  Object.assign(new Error(`status ${status}`), { status, ...more });
const bug = (): never => {
  throw new Error("a bug in a rule");
};
const list = (names: string): string[] => names.split(" ");

describe("error codes of Node.js and undici", () => {
  it.each<[VerdictName, boolean, string[]]>([
    ["transient", true, list("ECONNREFUSED ENOTFOUND EAI_AGAIN")],
    ["timeout", true, list("UND_ERR_CONNECT_TIMEOUT")],
    [
      "timeout",
      false,
      list("ETIMEDOUT ESOCKETTIMEDOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT"),
    ],
    [
      "transient",
      false,
      list("ECONNRESET ECONNABORTED EPIPE ENETUNREACH EHOSTUNREACH UND_ERR_SOCKET"),
    ],
    [
      "transient",
      false,
      list("ERR_STREAM_PREMATURE_CLOSE ERR_HTTP2_STREAM_ERROR ERR_HTTP2_GOAWAY_SESSION"),
    ],
    [
      "permanent",
      true,
      list("CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT ERR_TLS_CERT_ALTNAME_INVALID"),
    ],
    ["permanent", false, list("EACCES EPERM ENOENT")],
    ["ignored", false, list("ERR_INVALID_ARG_TYPE ERR_INVALID_URL")],
    ["aborted", false, list("ABORT_ERR UND_ERR_ABORTED")],
  ])("mean %s, unsent %s: %j", (verdict, unsent, codes) => {
    for (const code of codes)
      expect([code, judge(coded(code))]).toMatchObject([code, { verdict, unsent, unknown: false }]);
  });

  it.each(list("ETIMEDOUT ENETUNREACH EHOSTUNREACH ECONNRESET"))(
    "%s is unsent while connecting, and only then",
    (code) => {
      expect(judge(nodeError(code, "connect")).unsent).toBe(true);
      for (const syscall of ["read", "write"])
        expect(judge(nodeError(code, syscall)).unsent).toBe(false);
    },
  );

  it("that are numbers or names of nothing tell nothing", () => {
    for (const code of [20, "", "E_WHO_KNOWS", "constructor", "__proto__"])
      expect(judge(Object.assign(new Error("x"), { code }))).toMatchObject({ unknown: true });
  });
});

describe("a status", () => {
  const VERDICT_OF_STATUS: [VerdictName, number[]][] = [
    ["permanent", [400, 401, 403, 404, 405, 409, 410, 418, 422, 451]],
    ["transient", [408, 425, 500, 502, 503, 504, 507, 599]],
    ["permanent", [501, 505]],
    ["throttled", [429]],
  ];
  it.each(VERDICT_OF_STATUS)("means %s: %j", (verdict, statuses) => {
    for (const status of statuses)
      expect([status, judge(withStatus(status))]).toMatchObject([
        status,
        { verdict, unsent: false, unknown: false },
      ]);
  });

  it.each<[string, (status: number) => object]>([
    ["status", (status) => ({ status })],
    ["statusCode", (status) => ({ statusCode: status })],
    ["response.status", (status) => ({ response: { status } })],
    ["response.statusCode", (status) => ({ response: { statusCode: status } })],
    ["getStatus()", (status) => ({ getStatus: () => status })],
    ["$metadata.httpStatusCode", (status) => ({ $metadata: { httpStatusCode: status } })],
  ])("is read from %s", (_, fieldsOf) => {
    for (const [verdict, [status = 0]] of VERDICT_OF_STATUS)
      expect(judge(Object.assign(new Error("x"), fieldsOf(status)))).toMatchObject({ verdict });
  });

  it("is read with its `this`", () => {
    class HttpException extends Error {
      readonly #status = 404;
      getStatus(): number {
        return this.#status;
      }
    }
    expect(judge(new HttpException())).toMatchObject({ verdict: "permanent" });
  });

  it("that is none tells nothing", () => {
    for (const status of [0, 99, 600, 200, 302, -1, Number.NaN, "503", null, {}, true])
      expect(judge(Object.assign(new Error("x"), { status }))).toMatchObject({ unknown: true });
  });

  it("wins over the code, and the code over the name", () => {
    const all = { status: 404, code: "ECONNRESET", name: "TimeoutError" };
    expect(judge(Object.assign(new Error("x"), all))).toMatchObject({ verdict: "permanent" });
    expect(judge(Object.assign(new Error("x"), { ...all, status: 200 }))).toMatchObject({
      verdict: "transient",
    });
  });
});

describe("a name", () => {
  it.each<[VerdictName, string[]]>([
    ["timeout", list("TimeoutError RequestTimeout")],
    ["aborted", list("AbortError")],
    ["throttled", list("ThrottlingException TooManyRequestsException SlowDown")],
    [
      "permanent",
      list(
        "ValidationError ZodError UnauthorizedError AccessDeniedException ResourceNotFoundException",
      ),
    ],
    ["ignored", list("ReferenceError")],
  ])("means %s: %j", (verdict, names) => {
    for (const name of names)
      expect([name, judge(named(name))]).toMatchObject([name, { verdict, unknown: false }]);
  });

  it("is understood of DOMException, too", () => {
    expect(judge(new DOMException("x", "TimeoutError"))).toMatchObject({ verdict: "timeout" });
    expect(judge(new DOMException("x", "AbortError"))).toMatchObject({ verdict: "aborted" });
  });
});

describe("a programmer's error", () => {
  it.each<[string, () => unknown]>([
    [
      "ReferenceError",
      () =>
        (globalThis as { nobody?: () => void }).nobody ??
        new ReferenceError("nobody is not defined"),
    ],
    ["TypeError", () => thrownBy(() => (undefined as unknown as { x: object }).x)],
    ["SyntaxError of code", () => new SyntaxError("Unexpected token '('")],
    [
      "fetch of no URL",
      () => new TypeError("Failed to parse URL from nowhere", { cause: coded("ERR_INVALID_URL") }),
    ],
  ])("is ignored: %s", (_, error) => {
    expect(judge(error())).toMatchObject({ verdict: "ignored", unknown: false });
  });

  it.each<[string, () => unknown]>([
    ["fetch's TypeError without a cause", () => new TypeError("fetch failed")],
    ["fetch's TypeError of a cut-off body", () => new TypeError("terminated")],
    ["a body that is no JSON", () => thrownBy(() => JSON.parse("<html>"))],
    ["a body that is half JSON", () => thrownBy(() => JSON.parse('{"a":'))],
    ["an empty body", () => thrownBy(() => JSON.parse(""))],
  ])("is not what the dependency has done: %s", (_, error) => {
    expect(judge(error())).toMatchObject({ verdict: "transient" });
  });

  it("is not what has a known cause", () => {
    expect(
      judge(new TypeError("fetch failed", { cause: nodeError("ECONNREFUSED", "connect") })),
    ).toMatchObject({
      verdict: "transient",
      unsent: true,
    });
    expect(judge(new TypeError("wrapped", { cause: withStatus(429) }))).toMatchObject({
      verdict: "throttled",
    });
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("causes", () => {
  const wrapped = (error: unknown, times: number): unknown =>
    times === 0 ? error : wrapped(new Error(`layer ${times}`, { cause: error }), times - 1);

  it.each([1, 2, 9])("are read %i deep", (depth) => {
    expect(judge(wrapped(withStatus(404), depth))).toMatchObject({ verdict: "permanent" });
  });

  it("are not read without end", () => {
    expect(judge(wrapped(withStatus(404), 11))).toMatchObject({ unknown: true });
    expect(judge(wrapped(withStatus(404), 5_000))).toMatchObject({ unknown: true });
  });

  it("may be a circle", () => {
    const self = new Error("self");
    self.cause = self;
    const [one, other] = [new Error("one"), new Error("other")];
    [one.cause, other.cause] = [other, one];
    for (const error of [self, one])
      expect(judge(error)).toMatchObject({ verdict: "transient", unknown: true });
  });

  it("may be anything", () => {
    for (const cause of [null, 0, "text", Symbol("cause"), () => {}, Object.create(null)])
      expect(judge(new Error("x", { cause }))).toMatchObject({ unknown: true });
  });

  it("count less than what the error says itself", () => {
    expect(judge(new Error("x", { cause: withStatus(404) }))).toMatchObject({
      verdict: "permanent",
    });
    expect(judge(withStatus(503, { cause: withStatus(404) }))).toMatchObject({
      verdict: "transient",
    });
  });
});

const refused = (): Error => nodeError("ECONNREFUSED", "connect");

describe("an AggregateError", () => {
  it("is as bad as the worst it holds, and unsent only if all of it is", () => {
    expect(judge(new AggregateError([refused(), refused()]))).toMatchObject({
      verdict: "transient",
      unsent: true,
    });
    expect(judge(new AggregateError([refused(), reset()]))).toMatchObject({
      verdict: "transient",
      unsent: false,
    });
    expect(judge(new AggregateError([withStatus(404), withStatus(503)]))).toMatchObject({
      verdict: "transient",
    });
    expect(judge(new AggregateError([withStatus(404), withStatus(400)]))).toMatchObject({
      verdict: "permanent",
    });
  });

  it("is unknown as soon as one of its errors is", () => {
    expect(judge(new AggregateError([refused(), new Error("?")]))).toMatchObject({
      unknown: true,
      unsent: false,
    });
    expect(judge(new AggregateError([]))).toMatchObject({ unknown: true });
  });

  it("is read where it is a cause, or holds another", () => {
    const fetchs = new TypeError("fetch failed", { cause: new AggregateError([refused()]) });
    expect(judge(fetchs)).toMatchObject({ verdict: "transient", unsent: true });
    expect(judge(new AggregateError([new AggregateError([refused()])]))).toMatchObject({
      unsent: true,
    });
  });

  it("may hold itself, or be its own cause: no hook fails", () => {
    const self = new AggregateError([]);
    self.errors.push(self);
    const inner = new Error("inner");
    const outer = new AggregateError([inner]);
    inner.cause = outer;
    for (const error of [self, outer]) {
      const { events, failures } = listenedTo();
      expect(classifierOf({}, events).error(error).unknown).toBe(true);
      expect(failures).toEqual([]);
    }
  });
});

/** Events whose failed hooks are collected at once. */
function listenedTo(): { events: Events; failures: unknown[] } {
  const events = new Events("crm");
  const failures: unknown[] = [];
  vi.spyOn(events, "emit").mockImplementation((type, details) => {
    if (type === "hook.failed") failures.push(details);
  });
  return { events, failures };
}

const hintOf = (field: unknown): number =>
  judge(withStatus(503, { response: { status: 503, headers: { "retry-after": field } } }))
    .retryAfterMs;

describe("Retry-After", () => {
  it("is a number of seconds", () => {
    expect([hintOf("120"), hintOf(" 7 "), hintOf("1.5"), hintOf("0"), hintOf(3)]).toEqual([
      120_000, 7_000, 1_500, 0, 3_000,
    ]);
  });

  it("is a date, by the wall clock", () => {
    clock.wallMs = Date.parse("2026-01-01T00:00:00Z");
    expect(hintOf("Thu, 01 Jan 2026 00:01:30 GMT")).toBe(90_000);
    expect(hintOf("Wed, 31 Dec 2025 23:59:00 GMT")).toBe(0);
  });

  it.each([
    ["nothing", undefined],
    ["an empty text", ""],
    ["words", "soon"],
    ["a negative number", -5],
    ["no number", Number.NaN],
    ["null", null],
    ["a list", ["120"]],
    ["an object", {}],
  ])("that is garbage is no hint: %s", (_, field) => {
    expect(judge(withStatus(503, { headers: { "retry-after": field } }))).toMatchObject({
      verdict: "transient",
      retryAfterMs: 0,
    });
  });

  it.each<[string, object]>([
    [
      "the response's headers, in any spelling",
      { response: { status: 429, headers: { "Retry-After": "7" } } },
    ],
    [
      "fetch's Headers",
      { response: { status: 429, headers: new Headers({ "Retry-After": "7" }) } },
    ],
    ["the error's own headers", { headers: { "RETRY-AFTER": "7" } }],
    ["retryAfter, in seconds", { retryAfter: 7 }],
    ["retryAfterMs", { retryAfterMs: 7_000 }],
  ])("is read from %s", (_, fields) => {
    expect(judge(withStatus(429, fields))).toMatchObject({
      verdict: "throttled",
      retryAfterMs: 7_000,
    });
  });

  it("says nothing where another attempt cannot help", () => {
    expect(judge(withStatus(404, { retryAfter: 7 }))).toMatchObject({
      verdict: "permanent",
      retryAfterMs: 0,
    });
  });

  it("is never a time that is no time", () => {
    for (const retryAfterMs of [Number.NaN, -1, -Infinity])
      expect(judge(withStatus(429, { retryAfterMs })).retryAfterMs).toBe(0);
    expect(judge(withStatus(429, { retryAfter: "9".repeat(400) })).retryAfterMs).toBeGreaterThan(
      86_400_000,
    );
  });

  it("beyond maxRetryAfterMs ends the call now, with the real error", async () => {
    const error = withStatus(429, { retryAfter: 31 });
    const task = scriptedTask(throws(error));
    const beganMs = clock.nowMs;
    expect(await rejectionOf(clock.run(resilient(retry()).execute(task)))).toBe(error);
    expect([task.runs.length, clock.nowMs - beganMs]).toEqual([1, 0]);
    expect(explainError(error)).toMatchObject({ stoppedBy: "hint" });
  });
});

describe("results", () => {
  it.each([
    [408, "transient"],
    [425, "transient"],
    [429, "throttled"],
    [500, "transient"],
    [503, "transient"],
    [501, "success"],
    [404, "success"],
    [200, "success"],
  ] as const)("that are a Response of %i mean %s", (status, verdict) => {
    expect(judgeValue(new Response(null, { status }))).toMatchObject({ verdict });
  });

  it("carry the Retry-After of a Response", () => {
    const response = new Response(null, { status: 503, headers: { "Retry-After": "7" } });
    expect(judgeValue(response).retryAfterMs).toBe(7_000);
  });

  it("that only look a bit like one are successes", () => {
    const lookalikes = [
      { status: 503 },
      { status: 503, [Symbol.toStringTag]: "Reply" },
      { [Symbol.toStringTag]: "Response" },
    ];
    for (const value of [...lookalikes, null, undefined, 503, "503", []])
      expect(judgeValue(value)).toMatchObject({ verdict: "success" });
  });

  it("that cannot be read are successes", () => {
    const unreadable = new Proxy({}, { get: bug });
    expect(judgeValue(unreadable)).toMatchObject({ verdict: "success" });
  });
});

describe("our own errors from a policy inside", () => {
  it.each([
    ["ERR_ATTEMPT_TIMEOUT", "timeout", false],
    ["ERR_DEADLINE_EXCEEDED", "timeout", false],
    ["ERR_CIRCUIT_OPEN", "refused", true],
    ["ERR_BULKHEAD_FULL", "refused", true],
    ["ERR_INVALID_SPEC", "ignored", false],
    ["ERR_UNKNOWN_POLICY", "ignored", false],
    ["ERR_NO_CALL", "ignored", false],
  ] as const)("%s means %s, unsent %s", (code, verdict, unsent) => {
    expect(judge(new BreakwaterError(code, "x"))).toMatchObject({
      verdict,
      unsent,
      unknown: false,
    });
    expect(judge(new Error("wrapped", { cause: new BreakwaterError(code, "x") }))).toMatchObject({
      verdict,
    });
  });

  it("hand on when to come back", () => {
    const open = new BreakwaterError("ERR_CIRCUIT_OPEN", "x", { retryAfterMs: 1_234 });
    expect(judge(open).retryAfterMs).toBe(1_234);
  });
});

describe("the caller's abort", () => {
  it.each<[string, () => unknown, "aborted" | "timeout"]>([
    ["an AbortError", () => new DOMException("x", "AbortError"), "aborted"],
    ["any reason", () => "bored", "aborted"],
    [
      "no reason but the time: a TimeoutError",
      () => new DOMException("x", "TimeoutError"),
      "timeout",
    ],
  ])("with %s", async (_, reason, verdict) => {
    for (const parts of [[circuitBreaker()], [circuitBreaker(), retry()]]) {
      const caller = new AbortController();
      const policy = resilient(...parts);
      const call = policy.execute(
        async ({ signal }) => {
          caller.abort(reason());
          signal.throwIfAborted();
        },
        { signal: caller.signal },
      );
      await rejectionOf(clock.run(call));
      expect(policy.snapshot().counters.attempts[verdict]).toBe(1);
    }
  });
});

describe("an error that no rule knows", () => {
  it.each([
    new Error("?"),
    named("MyError"),
    {},
    "text",
    5,
    null,
    undefined,
    Symbol("?"),
    5n,
    () => {},
  ])("is transient, and permanent where it is said to be", (error) => {
    expect(judge(error)).toEqual({
      verdict: "transient",
      retryAfterMs: 0,
      unsent: false,
      unknown: true,
    });
    expect(judge(error, { unknown: "permanent" })).toMatchObject({
      verdict: "permanent",
      unknown: true,
    });
  });

  it("is counted apart, and told once for each name", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 100 }));
    const told = eventLog(policy, "error.unclassified");
    for (const name of ["MyError", "MyError", "YourError", "MyError"])
      await rejectionOf(policy.execute(() => Promise.reject(named(name))));
    await rejectionOf(policy.execute(() => Promise.reject(reset())));
    expect(told).toMatchObject([
      { errorName: "MyError", verdict: "transient" },
      { errorName: "YourError", verdict: "transient" },
    ]);
    expect(policy.snapshot().counters).toMatchObject({
      unknownErrors: 4,
      attempts: { transient: 5 },
    });
  });

  it("does not fill the memory with names", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1_000 }));
    const told = eventLog(policy, "error.unclassified");
    for (let n = 0; n < 150; n++)
      await rejectionOf(policy.execute(() => Promise.reject(named(`Error ${n}`))));
    expect(told).toHaveLength(100);
  });

  it("is not repeated where it is permanent", async () => {
    const policy = resilient(retry(), classify({ unknown: "permanent" }));
    const task = scriptedTask(throws(new Error("?")));
    await rejectionOf(clock.run(policy.execute(task)));
    expect(task.runs).toHaveLength(1);
  });
});

describe("the user's own rules", () => {
  it("come first, and leave to the default ones what they don't know", () => {
    const soldOut = new Error("sold out");
    const rules = {
      error: (thrown: unknown): Said => (thrown === soldOut ? "permanent" : undefined),
    };
    expect(judge(soldOut, rules)).toMatchObject({ verdict: "permanent", unknown: false });
    expect(judge(withStatus(429), rules)).toMatchObject({ verdict: "throttled" });
    expect(judge(new Error("?"), rules)).toMatchObject({ unknown: true });
  });

  it.each<[Said, Partial<Judged>]>([
    ["transient", { verdict: "transient", retryAfterMs: 0, unsent: false }],
    [
      { verdict: "throttled", retryAfterMs: 1_500 },
      { verdict: "throttled", retryAfterMs: 1_500 },
    ],
    [{ verdict: "throttled", retryAfterMs: 1.4 }, { retryAfterMs: 1 }],
    [{ verdict: "throttled", retryAfterMs: -5 }, { retryAfterMs: 0 }],
    [
      { verdict: "transient", unsent: true },
      { verdict: "transient", unsent: true },
    ],
  ])("may say %j", (said, judged) => {
    expect(judge(new Error("?"), { error: () => said })).toMatchObject(judged);
    expect(judgeValue("value", { result: () => said })).toMatchObject(judged);
  });

  const NONSENSE: [string, unknown][] = [
    ["a word that is no verdict", "maybe"],
    ["constructor", "constructor"],
    ["__proto__", "__proto__"],
    ["a number", 5],
    ["true", true],
    ["null", null],
    ["an object without a verdict", {}],
    ["an object with no verdict", { verdict: "maybe" }],
    ["a promise", Promise.resolve("transient")],
    ["a hint that is no number", { verdict: "permanent", retryAfterMs: Number.NaN }],
    ["a hint in words", { verdict: "permanent", retryAfterMs: "soon" }],
  ];
  it.each(NONSENSE)("that say nonsense change nothing, and are told of: %s", (_, nonsense) => {
    const { events, failures } = listenedTo();
    const rule = (): Said => nonsense as Said;
    const classifier = classifierOf({ error: rule, result: rule }, events);
    expect(classifier.error(withStatus(429)).verdict.name).toBe("throttled");
    expect(classifier.result("value").verdict.name).toBe("success");
    expect(failures).toMatchObject([{ hook: "classifier" }, { hook: "classifier" }]);
  });

  it("that throw change nothing, and are told of", async () => {
    const policy = resilient(retry(), classify({ error: bug, result: bug }));
    const failed = eventLog(policy, "hook.failed");
    const task = scriptedTask(throws(reset()), returns("fine"));
    expect(await clock.run(policy.execute(task))).toBe("fine");
    expect(task.runs).toHaveLength(2);
    expect(failed).toMatchObject([
      { hook: "classifier", error: { message: "a bug in a rule" } },
      { hook: "classifier", error: { message: "a bug in a rule" } },
    ]);
  });

  it("that are async don't end in an unhandled rejection", () => {
    const rejected = Promise.reject(new Error("a bug in a rule"));
    rejected.catch(() => {}); // whatever happens here must not end the test run
    const heard = vi.spyOn(rejected, "then");
    judge(reset(), { error: () => rejected as unknown as Said });
    expect(heard).toHaveBeenCalled();
  });

  it("judge results as well: nothing found is permanent, a quota is throttled", async () => {
    const rule = classify({
      result: (value) =>
        value === "quota" ? { verdict: "throttled", retryAfterMs: 500 } : undefined,
    });
    const policy = resilient(retry({ baseMs: 0 }), rule);
    const task = scriptedTask(returns("quota"), returns("row"));
    const beganMs = clock.nowMs;
    expect(await clock.run(policy.execute(task))).toBe("row");
    expect(clock.nowMs - beganMs).toBe(500);
  });

  it("never change what the caller gets", async () => {
    const error = reset();
    for (const said of [
      "success",
      "permanent",
      "transient",
      "timeout",
      "throttled",
      "ignored",
      "aborted",
      "refused",
    ] as const) {
      const policy = resilient(
        circuitBreaker(),
        classify({ error: () => said, result: () => said }),
      );
      expect(await rejectionOf(policy.execute(() => Promise.reject(error)))).toBe(error);
      expect(await policy.execute(() => "value")).toBe("value");
      expect(policy.snapshot().counters.attempts[said]).toBe(2);
    }
  });

  it("decide what a retry waits for: a poisoned hint does not poison time", async () => {
    const rule = classify(() => ({ verdict: "transient", retryAfterMs: Number.NaN }));
    const policy = resilient(circuitBreaker(), retry({ baseMs: 100, jitter: "none" }), rule);
    const beganMs = clock.nowMs;
    await rejectionOf(clock.run(policy.execute(scriptedTask(throws(reset())))));
    expect(clock.nowMs - beganMs).toBe(100 + 200);
  });
});
