import { BreakwaterError } from "../errors/errors.js";
import { tell } from "../events/audience.js";
import { hub } from "../events/hub.js";
import { watchFile } from "../files/watch-file.js";
import { MOST_BYTES } from "./decode.js";
import { applyBytes, type LoadedConfig, nameOf, readWhole } from "./load.js";

/** A config file that is watched. */
export interface WatchedConfig {
  /** What is in force: the last file that could be used. */
  readonly loaded: LoadedConfig;
  /** Watches no longer. What is in force stays. */
  close(): void;
}

/**
 * Loads a config file, and again within a second whenever it changes: also when an editor puts another file in its
 * place, or a link leads elsewhere. All policies go from the old plans to the new ones at once; calls that run end under
 * the plan that they began under, and no circuit, credit or count is lost.
 *
 * A file that cannot be used changes nothing: the event `config.rejected` tells every problem, or a warning of the
 * process where nobody listens. The watcher keeps no process alive.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` if the file cannot be used the first time.
 * @example
 * const config = watchConfig("/etc/ledger/breakwater.yaml");
 */
export function watchConfig(path: string | URL): WatchedConfig {
  const file = nameOf(path);
  const { bytes, stamp } = readWhole(file);
  let loaded = applyBytes(file, bytes);
  const close = watchFile(
    file,
    stamp,
    {
      changed(next) {
        try {
          loaded = applyBytes(file, next);
        } catch (error) {
          rejected(file, error);
        }
      },
      unreadable: (error) => rejected(file, error),
    },
    { mostBytes: MOST_BYTES },
  );
  return {
    get loaded() {
      return loaded;
    },
    close,
  };
}

function rejected(file: string, error: unknown): void {
  const problems = problemsOf(error);
  if (hub.wanted) return tell(hub, { policy: "*" }, "config.rejected", { file, problems });
  process.emitWarning(
    `${file} cannot be used, and everything stays as it was: ${problems.join("; ")}`,
    {
      code: "BREAKWATER_CONFIG",
    },
  );
}

function problemsOf(error: unknown): string[] {
  if (error instanceof BreakwaterError && error.issues !== undefined)
    return error.issues.map(
      ({ path, line, expected, received }) =>
        `line ${line ?? 1}, ${path}: expected ${expected}, received ${received}`,
    );
  return [error instanceof Error ? error.message : String(error)];
}
