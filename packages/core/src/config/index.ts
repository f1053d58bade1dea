import "../time/system-clock.js";

export { type ConfigSource, loadConfig, type LoadedConfig } from "./load.js";
export { watchConfig, type WatchedConfig } from "./watch.js";
