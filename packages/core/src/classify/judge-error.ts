import { BreakwaterError } from "../errors/errors.js";
import { type Judgement, JUDGED, type VerdictName, VERDICTS } from "../verdicts/verdict.js";
import {
  KNOWN_CODES,
  KNOWN_NAMES,
  UNSENT_WHILE_CONNECTING,
  verdictOfStatus,
} from "./known-errors.js";
import { retryAfterField, retryAfterMsOf, waitOf } from "./retry-after.js";

const DEEPEST_CAUSE = 10;

/** The judgement of an error that any rule knows: its own, or that of what caused it. Undefined for all others. */
export function judgeKnownError(error: unknown): Judgement | undefined {
  return judgeFrom(error, 0);
}

/** `depth` counts causes and aggregates alike, so that an error that holds itself comes to an end. */
function judgeFrom(error: unknown, from: number): Judgement | undefined {
  let link = error;
  for (let depth = from; depth < DEEPEST_CAUSE && isObject(link); depth++) {
    const judgement = judgeOne(link, depth);
    if (judgement !== undefined) return judgement;
    link = link["cause"];
  }
  return isObject(error) && isProgrammerError(error) ? JUDGED.ignored : undefined;
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function judgeOne(error: Fields, depth: number): Judgement | undefined {
  if (error["name"] === "BreakwaterError" && error instanceof BreakwaterError)
    return judgeOurOwn(error);
  if (error["errors"] !== undefined && error instanceof AggregateError && error.errors.length > 0)
    return judgeAll(error.errors, depth + 1);
  return judgeStatus(error) ?? judgeCode(error) ?? judgeName(error);
}

function judgeOurOwn({ isRefusal, code, retryAfterMs = 0 }: BreakwaterError): Judgement {
  if (isRefusal) return retryAfterMs === 0 ? JUDGED.refused : { ...JUDGED.refused, retryAfterMs };
  return code === "ERR_ATTEMPT_TIMEOUT" || code === "ERR_DEADLINE_EXCEEDED"
    ? JUDGED.timeout
    : JUDGED.ignored;
}

/** Several addresses were tried, or several calls made: unsent only if all were, and as bad as the worst. */
function judgeAll(errors: readonly unknown[], depth: number): Judgement | undefined {
  const judgements: Judgement[] = [];
  for (const error of errors) {
    const judgement = judgeFrom(error, depth);
    if (judgement === undefined) return undefined;
    judgements.push(judgement);
  }
  const worst = judgements.find(({ verdict }) => verdict.failure) ?? judgements[0];
  return worst && { ...worst, unsent: judgements.every(({ unsent }) => unsent) };
}

function judgeStatus(error: Fields): Judgement | undefined {
  const { response } = error;
  const status =
    numberOf(error["status"]) ??
    numberOf(error["statusCode"]) ??
    statusOf(response) ??
    ownStatusOf(error);
  if (status === undefined) return undefined;
  return judgementOf(verdictOfStatus(status), () => retryAfterOf(error, response));
}

/** The judgement of a status, with the hint that comes with it. */
export function judgementOf(
  name: VerdictName | undefined,
  hint: () => number,
): Judgement | undefined {
  if (name === undefined) return undefined;
  const retryAfterMs = VERDICTS[name].retry ? hint() : 0;
  return retryAfterMs === 0 ? JUDGED[name] : { ...JUDGED[name], retryAfterMs };
}

function statusOf(response: unknown): number | undefined {
  return isObject(response)
    ? (numberOf(response["status"]) ?? numberOf(response["statusCode"]))
    : undefined;
}

function ownStatusOf(error: Fields): number | undefined {
  if (typeof error["getStatus"] === "function")
    return numberOf((error["getStatus"] as () => unknown).call(error));
  return isObject(error["$metadata"]) ? numberOf(error["$metadata"]["httpStatusCode"]) : undefined;
}

function retryAfterOf(error: Fields, response: unknown): number {
  if (typeof error["retryAfterMs"] === "number") return waitOf(error["retryAfterMs"]);
  const headers = isObject(response) ? response["headers"] : error["headers"];
  return retryAfterMsOf(error["retryAfter"] ?? retryAfterField(headers));
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && value >= 100 && value <= 599 ? value : undefined;
}

function judgeCode({ code, syscall }: Fields): Judgement | undefined {
  if (typeof code !== "string") return undefined;
  const known = KNOWN_CODES.get(code);
  if (known === undefined) return code.startsWith("ERR_INVALID_") ? JUDGED.ignored : undefined;
  const unsent = !known.sent || (syscall === "connect" && UNSENT_WHILE_CONNECTING.has(code));
  return unsent ? UNSENT[known.verdict] : JUDGED[known.verdict];
}

function judgeName({ name }: Fields): Judgement | undefined {
  const known = typeof name === "string" ? KNOWN_NAMES.get(name) : undefined;
  return known && JUDGED[known.verdict];
}

/** A mistake in the program is nobody's outage. fetch reports its own failures as a TypeError: those are not meant. */
function isProgrammerError({ name, message }: Fields): boolean {
  if (name === "TypeError") return message !== "fetch failed" && message !== "terminated";
  return name === "SyntaxError" && !/JSON/.test(String(message));
}

const UNSENT: Readonly<Record<string, Judgement>> = Object.fromEntries(
  Object.entries(JUDGED).map(([name, judgement]) => [
    name,
    Object.freeze({ ...judgement, unsent: true }),
  ]),
);
