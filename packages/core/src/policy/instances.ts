import { StatefulPart } from "../parts/part.js";
import type { Parts } from "./assemble.js";

/** The parts that an object has instead of those that its methods were declared with. */
const copies = new WeakMap<object, Map<StatefulPart, StatefulPart>>();

/**
 * With `scope: 'instance'` parts are templates: each object gets copies, with a state of their own. Methods that share a
 * part share its copy, too.
 */
export function partsOfInstance(templates: Parts, self: object): Parts {
  const own = copies.get(self) ?? new Map<StatefulPart, StatefulPart>();
  copies.set(self, own);
  const parts = Object.entries(templates).map(([kind, part]) => [
    kind,
    part instanceof StatefulPart ? copyIn(own, part) : (part as unknown),
  ]);
  return Object.fromEntries(parts) as Parts;
}

function copyIn(own: Map<StatefulPart, StatefulPart>, template: StatefulPart): StatefulPart {
  const copy = own.get(template) ?? template.copy();
  own.set(template, copy);
  return copy;
}
