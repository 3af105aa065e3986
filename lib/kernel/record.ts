/** Whether a value is a record: an object that is nothing but its fields, so no list, promise, Map or instance of a class. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Object.prototype is the one prototype without a prototype: recognized by that, records of other realms are records too.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
