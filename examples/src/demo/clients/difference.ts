import { readFileSync } from "node:fs";

/** What was compiled into what runs. */
function classIn(file: string): string[] {
  const source = readFileSync(
    new URL(`../../../src/demo/clients/${file}`, import.meta.url),
    "utf8",
  );
  const lines = source.split("\n");
  return lines.slice(lines.findIndex((line) => line.startsWith("export class")));
}

/** A line of a class; `isNew` where the other class does not have it. */
export interface Line {
  readonly text: string;
  readonly isNew: boolean;
}

/** The annotated class beside the bare one: its first line, what is new, and what that stands above. */
export function difference(): Line[] {
  const bare = classIn("bare.ts");
  const annotated = classIn("annotated.ts").map((text) => ({ text, isNew: !bare.includes(text) }));
  return annotated.filter(
    ({ isNew }, index) => index === 0 || isNew || annotated[index - 1]?.isNew === true,
  );
}
