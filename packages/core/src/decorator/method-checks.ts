import { BreakwaterError } from "../errors/errors.js";
import { keepIdentity } from "../policy/keep-identity.js";
import type { AsyncFunction } from "../policy/policy.js";
import { declaredReturnType } from "./reflect-metadata.js";

/** @throws BreakwaterError `ERR_NOT_A_METHOD` for what cannot be a method that returns a promise. */
export function checkMethod(
  value: unknown,
  name: string | symbol,
  home?: object,
): asserts value is AsyncFunction {
  if (typeof value !== "function")
    throw notAMethod(name, "is no method", "Fields, getters and parameters have none");
  const { [Symbol.toStringTag]: tag } = value as { [Symbol.toStringTag]?: string };
  if (tag === "GeneratorFunction" || tag === "AsyncGeneratorFunction")
    throw notAMethod(name, "is a generator", "Decorate the async method that consumes it");
  const returns = home === undefined ? undefined : declaredReturnType(home, name);
  if (returns !== undefined)
    throw notAMethod(name, `is declared to return ${returns}`, "Make it async");
}

/** The error for a decorator in the wrong place. */
export function notAMethod(name: string | symbol, what: string, advice: string): BreakwaterError {
  const message = `@Resilient on ${String(name)}: it ${what}, and only methods that return a promise can be resilient. ${advice}.`;
  return new BreakwaterError("ERR_NOT_A_METHOD", message);
}

/** Types may lie: a method that turns out to be synchronous is found at its first call. */
export function mustReturnPromise(method: AsyncFunction): AsyncFunction {
  const checked = function (this: unknown, ...args: unknown[]): Promise<unknown> {
    const returned: unknown = method.apply(this, args);
    if (isThenable(returned)) return returned;
    const kind = returned === null ? "null" : typeof returned;
    throw notAMethod(
      method.name,
      `returned ${kind === "undefined" ? kind : `a value of type ${kind}`}`,
      "Make it async",
    );
  };
  return isAsync(method) ? method : keepIdentity(checked, method);
}

function isAsync(method: AsyncFunction): boolean {
  return (method as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] === "AsyncFunction";
}

function isThenable(value: unknown): value is Promise<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}
