import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Issue } from "../errors/errors.js";
import { tell } from "../events/audience.js";
import { hub } from "../events/hub.js";
import { type FileStamp, stampOf } from "../files/watch-file.js";
import { invalidSpec, issueOf } from "../parts/options.js";
import { syncWith } from "../policy/overrides/sync.js";
import { sharedInFile, useFile } from "../policy/settings/filed.js";
import { checked, decode, MOST_BYTES } from "./decode.js";
import { parseFile } from "./parse.js";
import { planPolicies } from "./plan.js";
import { readSpec } from "./read-spec.js";
import { planShared } from "./shared-parts.js";

/** A config that has been loaded. */
export interface LoadedConfig {
  /** The path, as it was given; `text` for a text. */
  readonly file: string;
  /** The policies that it names. */
  readonly policies: readonly string[];
  /** Those that there were already, and that it has changed. */
  readonly changed: readonly string[];
}

/** A file, by its path or URL; or a text. */
export type ConfigSource = string | URL | { readonly text: string };

/**
 * Loads a config, YAML 1.2 or JSON: `{ shared, defaults, policies }`. It stands over what code says, field by field, for
 * policies that there are and for those that will be made. It may be loaded before the classes or after them; the latest
 * is in force.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem: its path, its line, what was expected and what was
 * found. Nothing has changed then.
 * @example
 * loadConfig("breakwater.yaml");
 */
export function loadConfig(source: ConfigSource): LoadedConfig {
  const name = nameOf(source);
  const read = isText(source) ? checked(source.text) : decode(readWhole(name).bytes);
  return "text" in read ? applyText(name, read.text) : failed(name, [read.issue]);
}

/** The same for the content of a file. @internal */
export function applyBytes(file: string, bytes: Uint8Array): LoadedConfig {
  const read = decode(bytes);
  return "text" in read ? applyText(file, read.text) : failed(file, [read.issue]);
}

/** All of it, or nothing. */
function applyText(file: string, text: string): LoadedConfig {
  const { value, issues: unreadable, lineOf } = parseFile(text);
  if (unreadable.length > 0) failed(file, unreadable);
  const { spec, issues } = readSpec(value);
  const locate = ({ keys, ...issue }: (typeof issues)[number]): Issue => ({
    ...issue,
    line: lineOf(keys),
  });
  if (issues.length > 0) failed(file, issues.map(locate));
  const shared = planShared(spec, sharedInFile());
  const plan = planPolicies(spec, shared);
  const wrong = [...shared.issues, ...plan.issues];
  if (wrong.length > 0) failed(file, wrong.map(locate));
  useFile(plan.layers, spec.shared, shared.pending.keys());
  for (const [part, options] of shared.pending) part.retuneTo(options);
  const changed = plan.changes
    .filter(({ policy, layers, prepared }) => policy.putUnder(layers, prepared))
    .map(({ policy }) => policy.name);
  syncWith("config", file, spec.overrides);
  tell(hub, { policy: "*" }, "config.loaded", { file, changed });
  return { file, policies: [...plan.layers.keys()], changed };
}

function failed(file: string, issues: readonly Issue[]): never {
  throw invalidSpec(issues, `The config ${file} cannot be used`);
}

function isText(source: ConfigSource): source is { readonly text: string } {
  return typeof source === "object" && !(source instanceof URL) && typeof source?.text === "string";
}

export function nameOf(source: ConfigSource): string {
  if (typeof source === "string" && source !== "") return source;
  if (source instanceof URL) return fileURLToPath(source);
  if (isText(source)) return "text";
  throw invalidSpec([issueOf("loadConfig", "a path, a file URL, or { text }", source)]);
}

/** Never more than allowed, whatever the file is. @internal */
export function readWhole(path: string): { bytes: Uint8Array; stamp: FileStamp } {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(MOST_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, null);
    return { bytes: bytes.subarray(0, length), stamp: stampOf(fstatSync(file, { bigint: true })) };
  } finally {
    closeSync(file);
  }
}
