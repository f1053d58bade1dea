import type { QueryConfig } from "pg";
import type { Phase } from "../classify/judge.js";
import { parseQueryOptions, type QueryResilience } from "../options/query-options.js";
import type { Answered } from "../connection/inside.js";

/** A statement as `query` was given it. */
export interface Statement {
  readonly config: string | QueryConfig;
  readonly values: unknown;
  readonly callback: Answered | undefined;
  readonly asked: QueryResilience | undefined;
}

/**
 * Sorts the overloads of `query`. Undefined for what pg must see as it is: cursors, streams, COPY, queries with
 * listeners of their own, and what pg refuses.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC`
 */
export function statementOf(
  config: unknown,
  values: unknown,
  callback: unknown,
): Statement | undefined {
  const isText = typeof config === "string";
  if (!isText && !isPlainConfig(config)) return undefined;
  const given = typeof values === "function" ? values : callback;
  if (given !== undefined && given !== null && typeof given !== "function") return undefined;
  return {
    config,
    values: typeof values === "function" ? undefined : values,
    callback: (given ?? undefined) as Answered | undefined,
    asked: isText ? undefined : parseQueryOptions(config.resilience),
  };
}

function isPlainConfig(config: unknown): config is QueryConfig {
  return (
    typeof config === "object" &&
    config !== null &&
    typeof (config as { submit?: unknown }).submit !== "function"
  );
}

/** What its errors are to be judged by. */
export function phaseOfStatement({ config }: Statement, isReadOnly: boolean): Phase {
  if (isReadOnly) return "read only";
  return mayCommitAPart(typeof config === "string" ? config : config.text)
    ? "unproven"
    : "statement";
}

const BLANKS_AND_COMMENTS = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/;

/** Procedures and blocks may commit on their way, and so may one of several statements. Rather too often than too rarely. */
function mayCommitAPart(text: unknown): boolean {
  const bare = String(text).replace(BLANKS_AND_COMMENTS, "");
  return /^(?:call|do)\b/i.test(bare) || /;\s*\S/.test(bare);
}
