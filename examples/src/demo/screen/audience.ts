import type { Frame } from "./frame.js";
import type { Scene } from "./scene.js";

/** Whoever watches a run while it goes on. */
export interface Audience {
  watch(frame: Frame, scene: Scene): void;
  /** The last picture stays. */
  end(): void;
}
