import { styleText } from "node:util";

export type Style = "green" | "yellow" | "red" | "cyan" | "dim" | "bold" | "inverse";

/** Colours a text, or leaves it alone where nobody sees colours. */
export type Paint = (style: Style | undefined, text: string) => string;

const plainly: Paint = (_style, text) => text;

const coloured: Paint = (style, text) =>
  style === undefined ? text : styleText(style, text, { validateStream: false });

export function paintFor(stream: { readonly isTTY?: boolean }): Paint {
  return stream.isTTY === true && !process.env["NO_COLOR"] ? coloured : plainly;
}
