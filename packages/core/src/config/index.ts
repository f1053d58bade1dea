import "../time/system-clock.js";
import "./overrides-file.js";

export { type ConfigSource, loadConfig, type LoadedConfig } from "./load.js";
export { watchConfig, type WatchedConfig } from "./watch.js";
