import type { Assembly } from "../assemble.js";
import { StatefulPart } from "../../parts/part.js";
import type { Parts } from "../assemble.js";
import type { FileLayers } from "./tuning.js";

/** What the config file says of the policies that it names. */
let layers: ReadonlyMap<string, FileLayers> = new Map();

export function fileSays(policy: string): FileLayers | undefined {
  return layers.get(policy);
}

export function namesInFile(): readonly string[] {
  return [...layers.keys()];
}

/** What it says of parts that have a name and a kind: `crm.breaker`. */
export type SharedOptions = ReadonlyMap<string, object>;

let shared: SharedOptions = new Map();
/** What each part has been told already: it may have been retuned since. */
const told = new WeakMap<StatefulPart, SharedOptions>();

export function sharedInFile(): SharedOptions {
  return shared;
}

export function useFile(
  next: ReadonlyMap<string, FileLayers>,
  nextShared: SharedOptions,
  parts: Iterable<StatefulPart>,
): void {
  layers = next;
  shared = nextShared;
  for (const part of parts) told.set(part, shared);
}

/**
 * A part of code that is met after the file has been loaded gets what the file says of its name.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC`
 */
export function tellShared(parts: Parts): void {
  for (const part of Object.values(parts) as unknown[]) {
    if (!(part instanceof StatefulPart) || part.ownName === undefined) continue;
    const options = shared.get(`${part.ownName}.${part.kind}`);
    if (options === undefined || told.get(part) === shared) continue;
    part.retuneTo({ ...part.original, ...options });
    told.set(part, shared);
  }
}

/** A policy that code does not know. If the file gives it no part at all, the recommended ones are meant. */
export function onlyInFile(name: string, { defaults, own }: FileLayers): Assembly {
  const said = [...Object.values(defaults.parts), ...Object.values(own.parts)];
  const isBare = said.every((section) => section == null);
  return { parts: {}, options: { name } as Assembly["options"], isBare, fromClass: new Set() };
}
