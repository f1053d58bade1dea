import { styleText } from "node:util";
import type { Explanation, ResilienceEvent, StoppedBy } from "@breakwater/core";
import type { ObservedCall } from "./observed-call.js";
import type { Audience, Phase, Summary } from "./story.js";

const WIDTH = 80;
const COLOURS = { ok: "green", failed: "red", refused: "yellow" } as const;

const STOPPED: Partial<Record<StoppedBy, string>> = {
  attempts: "no attempt left",
  budget: "retry budget spent",
  refused: "the circuit is open now",
};

/** Tells the story as lines of text. */
export class Narrator implements Audience {
  readonly #write: (line: string) => void;
  readonly #colour: boolean;
  /** What a call has caused is told after it. */
  #caused: string[] = [];

  constructor(write: (line: string) => void, colour: boolean) {
    this.#write = write;
    this.#colour = colour;
  }

  begins(explanation: Explanation, { url, pid }: { url: string; pid: number }): void {
    this.#heading("Breakwater: one annotated method, one flaky server");
    this.#write(`The server is real: ${url}, process ${pid}.`);
    this.#write("The policy, whose times are shortened so that one can watch:");
    this.#write("");
    for (const line of String(explanation).split("\n")) this.#wrapped(...labelled(line));
    this.#write("");
    this.#wrapped("", "left: retries that could be paid now, from credit + from the reserve");
    this.#write("call  result     took   left  why");
  }

  phase({ says }: Phase): void {
    this.#heading(says);
  }

  event(event: ResilienceEvent): void {
    const text = textOf(event);
    if (text === undefined) return;
    if (event.type === "circuit.half_opened") this.#aside(text);
    else this.#caused.push(text);
  }

  call(call: ObservedCall): void {
    const { result, tookMs, retriesLeft } = call;
    const left = `${retriesLeft.credit} + ${retriesLeft.reserve}`;
    const took = `${tookMs} ms`.padStart(7);
    const label = `${String(call.call).padStart(4)}  ${result.padEnd(7)} ${took}  ${left}  `;
    this.#wrapped(label, why(call), COLOURS[result]);
    for (const text of this.#caused.splice(0)) this.#aside(text);
  }

  ends(summary: Summary): void {
    const { calls, ok, failed, refused, attempts, retries, requestsSeenByServer, amplification } =
      summary;
    this.#heading("Summary");
    this.#figure("calls", calls, `${ok} ok, ${failed} failed, ${refused} refused without running`);
    this.#figure("attempts", attempts, `${retries} of them retries`);
    this.#figure("requests", requestsSeenByServer, "that the server saw, by its own count");
    this.#figure("amplification", amplification, "attempts for each call that was let in");
    this.#heading("Next");
    this.#write("  npx -y pnpm@12.21.0 test               the tests");
    this.#write("  node examples/dist/demo/main.js --json the same story as data");
    this.#write("  README.md                              your own class in ten minutes");
    this.#write("  examples/src/demo/service.ts           the annotated class of this demo");
  }

  #heading(text: string): void {
    this.#write("");
    this.#write(this.#styled("bold", text));
  }

  #aside(text: string): void {
    this.#wrapped(" ".repeat(6), `-- ${text}`, "bold");
  }

  #figure(name: string, value: number, meaning: string): void {
    this.#write(`  ${name.padEnd(14)}${String(value).padStart(6)}  ${meaning}`);
  }

  /** What does not fit goes on below, under its own column. */
  #wrapped(label: string, text: string, style?: Parameters<typeof styleText>[0]): void {
    const [first = "", ...more] = wrap(text, WIDTH - label.length);
    this.#write(style === undefined ? label + first : this.#styled(style, label + first));
    for (const line of more) this.#write(" ".repeat(label.length) + line);
  }

  #styled(style: Parameters<typeof styleText>[0], text: string): string {
    return this.#colour ? styleText(style, text) : text;
  }
}

/** "  breaker     opens on …" is a label and a text. */
function labelled(line: string): [label: string, text: string] {
  const [label = ""] = /^ *\S+ */.exec(line) ?? [];
  return [label, line.slice(label.length)];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function why({ result, attempts, report, error, retryAfterMs }: ObservedCall): string {
  if (result === "refused") return `${error}: ask again in ${retryAfterMs} ms`;
  const steps = attempts.map(({ verdict, delayMs }) =>
    delayMs === undefined ? verdict : `${verdict}, after ${delayMs} ms`,
  );
  if (report === undefined) return steps.join(" ");
  const told = error === "ERR_ATTEMPT_TIMEOUT" ? "" : ` (${error})`;
  return `${steps.join(" ")}${told}; ${STOPPED[report.stoppedBy] ?? report.stoppedBy}`;
}

function textOf(event: ResilienceEvent): string | undefined {
  switch (event.type) {
    case "circuit.opened":
      return `circuit opened for ${event.openMs} ms (${event.reason})`;
    case "circuit.half_opened":
      return `circuit half-open: ${event.probes} probes decide`;
    case "circuit.closed":
      return "circuit closed: recovered";
    default:
      return undefined;
  }
}
