import type { DeadLetterRecord } from "../engine/dead-letters/record.js";
import type { DeadLetterSink } from "../engine/dead-letters/outbox.js";
import type { ErrorSummary } from "../errors/summary.js";

/** A record as a store knows it. */
export interface StoredDeadLetter {
  readonly record: DeadLetterRecord;
  /** How many replays of it have failed. */
  readonly failures: number;
  /** What the last of them ended with. */
  readonly lastError?: ErrorSummary;
}

/** The right to run one record again, held by one process at a time; it ends with one of these, or with the process. */
export interface DeadLetterClaim extends StoredDeadLetter {
  /** It has succeeded: nobody gets it any more. */
  done(): Promise<void>;
  /** It has failed once more, and stays. */
  failed(error: ErrorSummary): Promise<void>;
  /** It has not been run, and stays as it was. */
  release(): Promise<void>;
}

/** What a store holds. */
export interface DeadLetterList {
  /** Oldest first. Read one by one: however many there are, one payload is in memory. */
  readonly letters: AsyncIterable<StoredDeadLetter>;
  /**
   * Pieces that are no complete records: a process was killed as it wrote, or the disk was full. Some stores find them
   * only as the letters are read.
   */
  readonly damaged: number;
}

/** A sink whose records can be read and claimed. Also of records that other processes write at this time. */
export interface DeadLetterStore extends DeadLetterSink {
  /** All that are not done. */
  list(): Promise<DeadLetterList>;
  /** Undefined if it is done, unknown, or claimed by a process that lives. The claim of a dead one is taken over. */
  claim(id: string): Promise<DeadLetterClaim | undefined>;
}
