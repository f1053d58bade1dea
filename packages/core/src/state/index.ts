export type { RegistrySnapshot, RestoreReport } from "../policy/registry-snapshot.js";
export { type LoadedState, loadState, saveState } from "./state-file.js";
