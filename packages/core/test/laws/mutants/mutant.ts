/** A small fault, planted into one source file: a law's tests must find it. */
export interface Mutant {
  /** The number of the law that it breaks. */
  readonly law: number;
  /** The law's test file, and the begin of the title of the test that finds it. */
  readonly tests: string;
  readonly caughtBy: string;
  /** Under packages/core/src. */
  readonly file: string;
  /** Occurs there exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Why this breaks the law. */
  readonly because: string;
}
