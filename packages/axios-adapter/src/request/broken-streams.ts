import { finished, type Readable } from "node:stream";
import { withCauses } from "../classify/causes.js";

/**
 * Tells when a body breaks that is being read after its request has succeeded. A reader that stops by itself is no
 * break. It listens to nothing that would hide an error which nobody else handles.
 */
export function onBreak(body: unknown, tell: (error: unknown) => void): void {
  const heard = (error: unknown): void => {
    if (isOfConnection(error)) tell(error);
  };
  if (body instanceof ReadableStream) finished(body as unknown as Readable, heard); // takes both kinds; its types do not say so
  else if (isReadable(body)) body.once("close", () => heard(body.errored));
}

function isOfConnection(error: unknown): boolean {
  return withCauses(error).some(
    ({ code }) => typeof code === "string" && code !== "ERR_CANCELED" && code !== "ABORT_ERR",
  );
}

function isReadable(body: unknown): body is Readable {
  return (
    typeof (body as Partial<Readable> | null)?.pipe === "function" && "once" in (body as object)
  );
}
