// What must not compile, in either dialect: each line under a directive is an error, and a directive without one is, too.
import {
  bulkhead,
  circuitBreaker,
  currentCall,
  deadline,
  definePolicy,
  protect,
  Resilient,
  resilient,
  retry,
  retryBudget,
  timeout,
  withCall,
} from "@breakwater/core";

const breaker = circuitBreaker();
const policy = resilient(breaker, { name: "misuse" });

export class Misplaced {
  // @ts-expect-error a synchronous method
  @Resilient(breaker)
  sync(): number {
    return 1;
  }

  // @ts-expect-error a method that returns any could return anything
  @Resilient(breaker)
  // oxlint-disable-next-line typescript/no-explicit-any
  returnsAny(): any {
    return 1;
  }

  // @ts-expect-error a method that returns nothing
  @Resilient(breaker)
  nothing(): void {}

  // @ts-expect-error a method that sometimes returns a promise
  @Resilient(breaker)
  sometimes(now: boolean): Promise<number> | number {
    return now ? 1 : Promise.resolve(1);
  }

  // @ts-expect-error a promise or nothing
  @Resilient(breaker)
  optional(now: boolean): Promise<number> | undefined {
    return now ? undefined : Promise.resolve(1);
  }

  // @ts-expect-error a thenable is no promise: it may run only when it is asked
  @Resilient(breaker)
  thenable(): PromiseLike<number> {
    return Promise.resolve(1);
  }

  // @ts-expect-error a generator
  @Resilient(breaker)
  *each(): Iterable<number> {
    yield 1;
  }

  // @ts-expect-error an async generator
  @Resilient(breaker)
  async *stream(): AsyncIterable<number> {
    yield 1;
  }

  // @ts-expect-error a getter
  @Resilient(breaker)
  get getter(): Promise<number> {
    return Promise.resolve(1);
  }

  // @ts-expect-error a setter
  @Resilient(breaker)
  set setter(_: Promise<number>) {}

  // @ts-expect-error a field
  @Resilient(breaker)
  field = async (): Promise<number> => 1;

  // @ts-expect-error a static field
  @Resilient(breaker)
  static field = async (): Promise<number> => 1;

  // @ts-expect-error forgotten parentheses
  @Resilient
  async forgotten(): Promise<void> {}

  // @ts-expect-error a parameter
  async parameter(@Resilient(breaker) base: string): Promise<string> {
    return base;
  }

  // @ts-expect-error a parameter of the constructor
  constructor(@Resilient(breaker) base: string) {
    void base;
  }
}

// @ts-expect-error forgotten parentheses on a class
@Resilient
export class ForgottenOnClass {}

export class WrongParts {
  // @ts-expect-error a part that was not called
  @Resilient(circuitBreaker)
  async notCalled(): Promise<void> {}

  // @ts-expect-error a number is no part
  @Resilient(breaker, 3)
  async number(): Promise<void> {}

  // @ts-expect-error the name of a policy stands alone
  @Resilient("ledger", breaker)
  async nameBesideParts(): Promise<void> {}

  // @ts-expect-error a policy stands alone
  @Resilient(policy, breaker)
  async policyBesideParts(): Promise<void> {}

  // @ts-expect-error an option that there is none of
  @Resilient(breaker, { maxAttempts: 3 })
  async unknownOption(): Promise<void> {}

  // @ts-expect-error an option of the wrong type
  @Resilient(breaker, { name: 7 })
  async wrongType(): Promise<void> {}

  // @ts-expect-error parts are passed by themselves: as an option a kind can only be taken away
  @Resilient({ breaker })
  async partAsOption(): Promise<void> {}

  // @ts-expect-error a key is a string
  @Resilient(breaker, { key: () => 7 })
  async keyNoString(): Promise<void> {}

  // @ts-expect-error whether it may be repeated is a boolean
  @Resilient(breaker, { idempotent: () => "yes" })
  async idempotentNoBoolean(): Promise<void> {}

  // What is not annotated is never, not any: nothing can be read from it.
  // @ts-expect-error
  @Resilient(breaker, { key: (self) => self.tenant })
  async selfNotAnnotated(): Promise<void> {}

  // @ts-expect-error
  @Resilient(breaker, { key: (_self, region) => region.id })
  async argumentNotAnnotated(): Promise<void> {}

  // @ts-expect-error
  @Resilient(breaker, { idempotent: (kind) => kind.isRead })
  async kindNotAnnotated(): Promise<void> {}
}

// Options of parts.
// @ts-expect-error an option that there is none of
circuitBreaker({ resetTimeout: 1_000 });
// @ts-expect-error a text without a unit that we know
circuitBreaker({ openMs: "2x" });
// @ts-expect-error a text without a unit
timeout("2");
// @ts-expect-error nothing but a unit
deadline("s");
// @ts-expect-error a ratio is a number
retryBudget({ ratio: "20%" });
// @ts-expect-error no such kind of credit
retryBudget({ credit: "failures" });
// @ts-expect-error no such jitter
retry({ jitter: "some" });
// @ts-expect-error a window has a count or a time
circuitBreaker({ failureRatio: 0.5, window: { seconds: 10 } });
// @ts-expect-error a bulkhead has no limit by default
bulkhead({});
// @ts-expect-error an option is left out, not undefined
retry({ maxAttempts: undefined });

// Policies.
// @ts-expect-error a name comes first
definePolicy(breaker);
// @ts-expect-error a name stands alone
resilient("ledger", breaker);
// @ts-expect-error a function that returns no promise
policy.wrap(() => 1);
// @ts-expect-error what is no function
policy.wrap(7);
// @ts-expect-error a promise is running already: give the function that starts it
void policy.execute(Promise.resolve(1));
// @ts-expect-error the result is awaited
export const notAwaited: Promise<Promise<number>> = policy.execute(async () => 1);
// @ts-expect-error the result has its own type
export const wrongResult: Promise<string> = policy.execute(async () => 1);
// @ts-expect-error a call has no retries
void policy.execute(({ retries }) => retries);
// @ts-expect-error an option of a call that there is none of
void policy.execute(() => 1, { timeout: 5 });
// @ts-expect-error a duration that is written needs a unit that there is
void withCall({ deadlineMs: "2x" }, () => 1);
// @ts-expect-error a call is read only
currentCall().attempt = 2;

// Events.
// @ts-expect-error no such event
policy.on("circuit.open", () => undefined);
// @ts-expect-error an event of another kind has no such field
policy.on("circuit.opened", ({ delayMs }) => delayMs);
// @ts-expect-error among all events only some have it
policy.on("*", ({ openMs }) => openMs);
// @ts-expect-error a reason that there is none of
policy.on("circuit.opened", ({ reason }) => reason === "tired");

// protect() takes methods that return promises, by name.
class Ledger {
  readonly id: number = 1;
  async post(): Promise<void> {}
  static async load(): Promise<void> {}
  sync(): number {
    return 1;
  }
  // oxlint-disable-next-line typescript/no-explicit-any
  anything(): any {
    return 1;
  }
  get latest(): number {
    return 1;
  }
}
// @ts-expect-error no such method
protect(Ledger, { pots: [breaker] });
// @ts-expect-error a synchronous method
protect(Ledger, { sync: [breaker] });
// @ts-expect-error a method that returns any could return anything
protect(Ledger, { anything: [breaker] });
// @ts-expect-error a getter
protect(Ledger, { latest: [breaker] });
// @ts-expect-error a field
protect(Ledger, { id: [breaker] });
// @ts-expect-error parts come in a list
protect(Ledger, { post: breaker });
// @ts-expect-error an instance is no class
protect(new Ledger(), { post: [breaker] });
