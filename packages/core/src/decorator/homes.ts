import { metadataOf } from "./class-name.js";
import type { Declared } from "./declared.js";

/**
 * Which methods have been declared where: legacy decorators know the prototype or the class, standard ones the metadata
 * object that the class gets. All three lead from a class to its methods.
 */
const homes = new WeakMap<object, Declared[]>();

export function declareAt(home: object, declared: Declared): void {
  const others = homes.get(home);
  if (others === undefined) homes.set(home, [declared]);
  else others.push(declared);
}

/** The class's own declarations; what it inherits stays with whoever declared it. */
export function declaredBy(target: Function): readonly Declared[] {
  return declaredAt([target, target.prototype as object, metadataOf(target)]);
}

/** For a class decorator: the standard dialect puts the metadata on the class only afterwards. */
export function declaredAt(places: readonly (object | null | undefined)[]): readonly Declared[] {
  return places.flatMap((home) =>
    home === null || home === undefined ? [] : (homes.get(home) ?? []),
  );
}
