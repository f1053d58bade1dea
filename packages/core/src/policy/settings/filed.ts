import type { Assembly } from "../assemble.js";
import type { FileLayers } from "./tuning.js";

/** What the config file says of the policies that it names. */
let layers: ReadonlyMap<string, FileLayers> = new Map();

export function fileSays(policy: string): FileLayers | undefined {
  return layers.get(policy);
}

export function namesInFile(): readonly string[] {
  return [...layers.keys()];
}

export function useFile(next: ReadonlyMap<string, FileLayers>): void {
  layers = next;
}

/** A policy that code does not know. If the file gives it no part at all, the recommended ones are meant. */
export function onlyInFile(name: string, { defaults, own }: FileLayers): Assembly {
  const said = [...Object.values(defaults.parts), ...Object.values(own.parts)];
  const isBare = said.every((section) => section == null);
  return { parts: {}, options: { name } as Assembly["options"], isBare, fromClass: new Set() };
}
