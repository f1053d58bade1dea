import { ignoreRejection } from "../errors/hooks.js";
import { type Judgement, JUDGED } from "../verdicts/verdict.js";
import { judgementOf } from "./judge-error.js";
import { verdictOfStatus } from "./known-errors.js";
import { retryAfterField, retryAfterMsOf } from "./retry-after.js";

/** A fetch Response resolves whatever its status: 408, 429 and 5xx are failures all the same. */
export function judgeResult(value: unknown): Judgement {
  if (typeof value !== "object" || value === null || !isResponse(value)) return JUDGED.success;
  const name = verdictOfStatus(value.status);
  if (name === undefined || name === "permanent") return JUDGED.success;
  return judgementOf(name, () => retryAfterMsOf(retryAfterField(value.headers))) ?? JUDGED.success;
}

interface ResponseLike {
  readonly status: number;
  readonly headers: unknown;
  readonly body?: { cancel?(): Promise<void> } | null;
}

/** By its tag, not by `instanceof`: naming the global would load the whole of fetch into every process. */
function isResponse(value: object): value is ResponseLike {
  return (
    (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === "Response" &&
    typeof (value as { status?: unknown }).status === "number"
  );
}

/** A response that is not given to anybody must not hold its connection. */
export function discardResult(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  try {
    if (isResponse(value)) ignoreRejection(value.body?.cancel?.());
  } catch {
    // It is not ours, and nobody will get it: how it ends is nobody's concern.
  }
}
