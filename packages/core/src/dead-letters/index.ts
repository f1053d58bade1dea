export type { DeadLetterSink } from "../engine/dead-letters/outbox.js";
export type { DeadLetterRecord } from "../engine/dead-letters/record.js";
export { fileDeadLetters, type FileDeadLettersOptions } from "./file/file-dead-letters.js";
export {
  replay,
  type ReplayedLetter,
  type ReplayHandler,
  type ReplayOptions,
  type ReplayReport,
} from "./replay.js";
export type {
  DeadLetterClaim,
  DeadLetterList,
  DeadLetterStore,
  StoredDeadLetter,
} from "./store.js";
