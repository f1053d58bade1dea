/** Milliseconds on the clock that all processes of this machine share. It is monotonic; its zero means nothing. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
