import { FlakyServer } from "./flaky-server.js";
import { Narrator } from "./narrator.js";
import { Recorder } from "./recorder.js";
import { tell } from "./story.js";

/** The whole demo, from the start of its server to its end. */
export async function demo(asJson: boolean): Promise<void> {
  const server = await FlakyServer.start();
  const colour = process.stdout.isTTY && !process.env["NO_COLOR"];
  try {
    await tell(server, asJson ? new Recorder(print) : new Narrator(print, colour));
  } finally {
    await server.stop();
  }
}

function print(text: string): void {
  console.log(text);
}
