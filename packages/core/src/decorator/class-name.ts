/**
 * The name of the class that a home belongs to. Legacy homes say so themselves; metadata is found on a class in the
 * chain of whatever the method was called on, so that a subclass's instance still says who declared it.
 */
export function classNameOf(home: object | undefined, self: unknown): string | undefined {
  if (home === undefined) return undefined;
  const known = classOf(home);
  if (known !== undefined) return known.name;
  for (let link = self; isObjectLike(link); link = Object.getPrototypeOf(link)) {
    const target = classOf(link);
    if (target !== undefined && metadataOf(target) === home) return target.name;
  }
  return undefined;
}

/** The metadata that standard decorators have left on this very class. */
export function metadataOf(target: Function): object | undefined {
  const { [Symbol.metadata]: metadata } = target as { [Symbol.metadata]?: object | null };
  return (Object.hasOwn(target, Symbol.metadata) && metadata) || undefined;
}

/** The class of a prototype, or the class itself. */
function classOf(home: object): Function | undefined {
  if (typeof home === "function") return home;
  return Object.hasOwn(home, "constructor") && typeof home.constructor === "function"
    ? home.constructor
    : undefined;
}

function isObjectLike(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
