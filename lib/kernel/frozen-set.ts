function refuse(): never {
  throw new TypeError('This set is shared and cannot be changed. Copy it with new Set(…).');
}

// Not enumerable, so that a printed set shows its members alone; shared, since plans make a set a step.
const REFUSED: PropertyDescriptorMap = { add: { value: refuse }, delete: { value: refuse }, clear: { value: refuse } };

/**
 * A set that its readers cannot change: user code gets it, and plans share it. Freezing alone would not do, since it does not reach a
 * Set's members, only its methods.
 */
export function frozenSet<T>(values: Iterable<T>): ReadonlySet<T> {
  return Object.freeze(Object.defineProperties(new Set(values), REFUSED));
}
