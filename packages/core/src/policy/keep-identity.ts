/** Gives a wrapper the name, the length and the own properties of what it wraps. */
export function keepIdentity<F extends object>(wrapper: F, original: F): F {
  const own = Object.getOwnPropertyDescriptors(original) as Record<PropertyKey, PropertyDescriptor>;
  delete own["prototype"];
  for (const name of Reflect.ownKeys(own)) {
    const { [name]: property } = own;
    const present = Object.getOwnPropertyDescriptor(wrapper, name);
    if (property !== undefined && (present?.configurable ?? true))
      Object.defineProperty(wrapper, name, property);
  }
  return wrapper;
}
