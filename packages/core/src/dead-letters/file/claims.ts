import type { Folder } from "./folder.js";
import { isAlive, type Owner, ownerNow, parseOwner } from "./owner.js";

/** Each round, somebody else was quicker; or something is in the way that is no file. */
const MOST_ROUNDS = 100;

/** Held until it is given back, or until the process ends. */
export interface Held {
  giveBack(): Promise<void>;
}

/**
 * One process at a time. A claim is a file that only one can make. The claim of a dead process is not removed, as two
 * who find it might remove each other's: it is followed by a second file that is named after it, which only one can
 * make; the claim of that one, once dead, by a third.
 *
 * Who gives back removes the first file first. So who has followed a claim looks whether the first is still there: if
 * not, all of it has been given back meanwhile, and it begins again.
 */
export async function hold(folder: Folder, id: string): Promise<Held | undefined> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const chain = await livingOrLast(folder, id);
    if (chain === "held") return undefined;
    const own = ownerNow();
    const name = nameAfter(id, chain.at(-1));
    if (!(await folder.addMark("claims", name, JSON.stringify(own)))) continue;
    const first = chain[0];
    if (first === undefined || (await isStill(folder, id, first)))
      return { giveBack: () => removeAll(folder, id, [...chain, own]) };
    await folder.removeMark("claims", name);
  }
  return undefined;
}

/** The dead owners, one after the other; or that one of them lives. */
async function livingOrLast(folder: Folder, id: string): Promise<readonly Owner[] | "held"> {
  const chain: Owner[] = [];
  for (;;) {
    const mark = await folder.readMark("claims", nameAfter(id, chain.at(-1)));
    if (mark === undefined) return chain;
    const owner = parseOwner(mark.text);
    // What is no claim of ours is not ours to overrule.
    if (owner === undefined || isAlive(owner, mark.ageMs)) return "held";
    chain.push(owner);
  }
}

async function isStill(folder: Folder, id: string, owner: Owner): Promise<boolean> {
  const mark = await folder.readMark("claims", id);
  return mark !== undefined && parseOwner(mark.text)?.nonce === owner.nonce;
}

function nameAfter(id: string, dead: Owner | undefined): string {
  return dead === undefined ? id : `${id}.${dead.nonce}`;
}

async function removeAll(folder: Folder, id: string, chain: readonly Owner[]): Promise<void> {
  for (const [index] of chain.entries())
    await folder.removeMark("claims", nameAfter(id, chain[index - 1]));
}
