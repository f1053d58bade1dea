import {
  BreakwaterError,
  circuitBreaker,
  type CircuitBreaker,
  retry,
  type Retry,
} from "@breakwater/core";

/** A decorator that types let pass anywhere: what plain JavaScript may do with ours. */
export type UntypedDecorator = (...args: readonly unknown[]) => void;

export function untyped(decorator: unknown): UntypedDecorator {
  return decorator as UntypedDecorator;
}

/** A decorator of either dialect that tells what method it sees, and may put another one in its place. */
export function onMethod(change: (method: Method) => Method | void): UntypedDecorator {
  const decorate = (first: unknown, _: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (descriptor === undefined) return change(first as Method);
    const replaced = change(descriptor.value as Method);
    return replaced && { ...descriptor, value: replaced };
  };
  return untyped(decorate);
}

export type Method = (this: unknown, ...args: readonly unknown[]) => unknown;

/** The function of a method, to look at and not to call. */
export function methodOf(
  home: object,
  name: PropertyKey,
): Method & Readonly<Record<PropertyKey, unknown>> {
  return Object.getOwnPropertyDescriptor(home, name)?.value as Method &
    Record<PropertyKey, unknown>;
}

/** Opens at the first failure. */
export function brittle(name?: string): CircuitBreaker {
  return circuitBreaker({ consecutiveFailures: 1, ...(name === undefined ? {} : { name }) });
}

/** Retries that wait for nothing. */
export function atOnce(maxAttempts = 3): Retry {
  return retry({ maxAttempts, baseMs: 0 });
}

/** What the promise was rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => new Error("it was not rejected"),
    (error: unknown) => error,
  );
}

/** The error of declaring a class. */
export function errorOf(declare: () => unknown): BreakwaterError {
  try {
    declare();
  } catch (error) {
    if (error instanceof BreakwaterError) return error;
    throw error;
  }
  throw new Error("the class was accepted");
}
