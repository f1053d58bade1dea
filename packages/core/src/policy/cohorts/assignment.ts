import { hostname } from "node:os";
import { threadId } from "node:worker_threads";

const ALL = 2 ** 32;

/**
 * Whether somebody is among the share that is taken: always the same answer for the same salt and name. A larger ratio
 * keeps those whom a smaller one has taken.
 */
export function isTaken(salt: string, name: string, ratio: number): boolean {
  return hashOf(`${salt}\n${name}`) < ratio * ALL;
}

/**
 * This process, under a name that the next one in its place has, too: what the operator calls it, else its host, its
 * number among the workers of a cluster, and its thread. Never the process id, which every restart changes.
 */
export function instanceName(env: NodeJS.ProcessEnv = process.env): string {
  const { BREAKWATER_INSTANCE: given, NODE_UNIQUE_ID: ofCluster, NODE_APP_INSTANCE: ofPm2 } = env;
  return given?.trim() || [hostname(), ofCluster ?? ofPm2 ?? "", threadId].join("/");
}

/** FNV-1a, and the finalizer of MurmurHash3: names that differ little must fall far apart. Both are public domain. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
