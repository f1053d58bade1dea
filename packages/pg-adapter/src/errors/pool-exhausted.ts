/**
 * Every connection of the pool was in use for as long as one was waited for. The database may be well: the application
 * wants more of it at once than `max` allows, or somebody keeps connections. It counts as overload (`throttled`).
 */
export class PoolExhaustedError extends Error {
  readonly code = "ERR_POOL_EXHAUSTED";
  /** Others that wait as well. */
  readonly waiting: number;
  /** Connections that the pool has. */
  readonly total: number;
  /** Connections that it may have. */
  readonly max: number;

  static {
    Object.defineProperty(this.prototype, "name", {
      value: "PoolExhaustedError",
      configurable: true,
      writable: true,
    });
  }

  constructor(counts: { waiting: number; total: number; max: number }, waitedMs: number) {
    const { waiting, total, max } = counts;
    super(
      `All ${max} connections of the pool were in use for ${waitedMs} ms, and ${waiting} more wait for one. ` +
        "Release clients sooner, make statements shorter, or raise max.",
    );
    this.waiting = waiting;
    this.total = total;
    this.max = max;
  }
}
