import type { Paint } from "./paint.js";

/** Where to go from here. */
export function nextLines(report: string, paint: Paint): string[] {
  return [
    `Report  ${paint("cyan", report)}`,
    "Next    npx -y pnpm@12.21.0 demo --play (break it yourself), --all, --json",
    '        README.md, "A method, a function": your own class',
  ];
}
