/**
 * What a compiler emits for `@decorator` with experimentalDecorators, as plain JavaScript has no decorators yet.
 *
 * @param {object} prototype
 * @param {string} method
 * @param {Function} decorator
 */
export function decorateMethod(prototype, method, decorator) {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
  Object.defineProperty(prototype, method, decorator(prototype, method, descriptor) ?? descriptor);
}
