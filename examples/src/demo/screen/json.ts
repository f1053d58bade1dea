import type { Outcome } from "../measure/outcome.js";

/** The outcome of a run, for machines. */
export function asJson({ clients, valid, latenessMs, claims }: Outcome, report: string): string {
  return JSON.stringify({ clients, valid, latenessMs, claims, report }, null, 2);
}
