import type { Issue } from "../errors/errors.js";
import { issueOf } from "../parts/options.js";

/** No config of people is longer. */
export const MOST_BYTES = 1_000_000;

type Decoded = { readonly text: string } | { readonly issue: Issue };

/** A file as a text, if it is one: UTF-8 without a byte order mark, of a size that somebody may have written. */
export function decode(bytes: Uint8Array): Decoded {
  if (bytes.length > MOST_BYTES)
    return refused(
      "at most 1 MB",
      bytes.length > MOST_BYTES + 1 ? `${bytes.length} bytes` : "more",
    );
  if (hasByteOrderMark(bytes))
    return refused(
      "UTF-8 without a byte order mark",
      "a byte order mark",
      "Save it as plain UTF-8",
    );
  try {
    return checked(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return refused("UTF-8 text", "bytes that are not UTF-8");
  }
}

/** A text that has been given as one is held to the same. */
export function checked(text: string): Decoded {
  if (text.length > MOST_BYTES) return refused("at most 1 MB", `${text.length} characters`);
  if (text.startsWith("\u{FEFF}"))
    return refused("a text without a byte order mark", "a byte order mark");
  // oxlint-disable-next-line no-control-regex -- it is them that we look for
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text);
  if (control !== null) {
    const line = text.slice(0, control.index).split("\n").length;
    const code = control[0].charCodeAt(0).toString(16).padStart(2, "0");
    return { issue: { ...issueOf("file", "text", undefined), received: `byte 0x${code}`, line } };
  }
  return { text };
}

function hasByteOrderMark([first, second, third]: Uint8Array): boolean {
  const utf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return utf16 || (first === 0xef && second === 0xbb && third === 0xbf);
}

function refused(expected: string, received: string, hint?: string): Decoded {
  return { issue: { ...issueOf("file", expected, undefined, hint), received } };
}
