import { createLogUpdate } from "log-update";
import type { Audience } from "./audience.js";
import { drawFrame, type Frame, FRAME_ROWS } from "./frame.js";
import type { Paint } from "./paint.js";
import type { Scene } from "./scene.js";

const NARROWEST = 80;

export function canShowLive(stream: NodeJS.WriteStream): boolean {
  const { columns, rows } = stream;
  const isPlain = Boolean(process.env["CI"]) || process.env["TERM"] === "dumb";
  return stream.isTTY && !isPlain && columns >= NARROWEST && rows > FRAME_ROWS;
}

/** Draws each picture over the last one. */
export class Live implements Audience {
  readonly #stream: NodeJS.WriteStream;
  readonly #paint: Paint;
  readonly #draw: ReturnType<typeof createLogUpdate>;

  constructor(stream: NodeJS.WriteStream, paint: Paint) {
    this.#stream = stream;
    this.#paint = paint;
    this.#draw = createLogUpdate(stream);
  }

  watch(frame: Frame, scene: Scene): void {
    this.#draw(drawFrame(frame, scene, this.#stream.columns, this.#paint).join("\n"));
  }

  end(): void {
    this.#draw.done();
  }
}
