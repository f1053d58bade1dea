/** How a header tells the time that is left. */
export interface DeadlineHeader {
  readonly name: string;
  /** `ms` and `s` left, the moment in milliseconds since 1970, or as `grpc-timeout` has it. Default `'ms'`. */
  readonly format?: "ms" | "s" | "epoch-ms" | "grpc";
}

const FORMATS: { readonly [F in NonNullable<DeadlineHeader["format"]>]: (ms: number) => string } = {
  ms: String,
  s: (ms) => (ms / 1_000).toFixed(3),
  "epoch-ms": (ms) => String(Date.now() + ms),
  grpc: (ms) => (ms < 1e8 ? `${ms}m` : `${Math.min(99_999_999, Math.floor(ms / 1_000))}S`),
};

export function isDeadlineHeader(value: unknown): boolean {
  if (typeof value === "string") return value !== "";
  const { name, format = "ms" } = value as DeadlineHeader;
  return typeof name === "string" && name !== "" && Object.hasOwn(FORMATS, format);
}

/** The header of one attempt, as name and value. */
export function deadlineField(
  header: string | DeadlineHeader,
  leftMs: number,
): readonly [name: string, value: string] {
  const { name, format = "ms" } = typeof header === "string" ? { name: header } : header;
  return [name, FORMATS[format](Math.max(0, Math.floor(leftMs)))];
}
