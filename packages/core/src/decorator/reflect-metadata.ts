/** What `reflect-metadata` adds to `Reflect`, if somebody has loaded it. We never load it ourselves. */
interface Metadata {
  getMetadata(key: string, target: object, property: string | symbol): unknown;
  getOwnMetadataKeys(target: object): unknown[];
  getOwnMetadata(key: unknown, target: object): unknown;
  defineMetadata(key: unknown, value: unknown, target: object): void;
}

function loaded(): Metadata | undefined {
  // Whether it has been loaded no type can say.
  const reflect = Reflect as unknown as Partial<Metadata>;
  return typeof reflect.getMetadata === "function" ? (reflect as Metadata) : undefined;
}

/** The declared return type by name, if the compiler has left it and it is certainly no promise. */
export function declaredReturnType(home: object, method: string | symbol): string | undefined {
  const type = loaded()?.getMetadata("design:returntype", home, method);
  // `void 0` and Object stand for "nothing declared" and for unions and interfaces, which may be promises.
  if (typeof type !== "function" || type === Object || type === Promise) return undefined;
  return type.prototype instanceof Promise || "then" in Object(type.prototype)
    ? undefined
    : type.name;
}

/** Other decorators leave metadata on the function itself: it must be found on the wrapper, too. */
export function copyMetadata(from: object, to: object): void {
  const metadata = loaded();
  for (const key of metadata?.getOwnMetadataKeys(from) ?? [])
    metadata?.defineMetadata(key, metadata.getOwnMetadata(key, from), to);
}
