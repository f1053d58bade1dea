/** Can it be sent once only? Node streams, and form-data of old, which is one; and web streams. */
export function isStream(data: unknown): data is Streamed {
  return (
    typeof data === "object" &&
    data !== null &&
    (typeof (data as Streamed).pipe === "function" ||
      typeof (data as Streamed).getReader === "function")
  );
}

/** A body that arrives piece by piece, of either kind. */
export interface Streamed {
  readonly pipe?: unknown;
  readonly getReader?: unknown;
  destroy?(): void;
  cancel?(): Promise<void>;
}

/** A body that nobody will read must not hold its connection. */
export function discard(data: unknown): void {
  if (!isStream(data)) return;
  if (data.destroy !== undefined) data.destroy();
  else data.cancel?.().catch(() => {});
}
