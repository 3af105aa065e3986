function refuse(): never {
  throw new TypeError('This collection is shared and cannot be changed. Copy it: new Set(…) or new Map(…).');
}

// Not enumerable, so that a printed collection shows its members alone; shared, since plans make a set a step.
const REFUSED_BY_SETS: PropertyDescriptorMap = { add: { value: refuse }, delete: { value: refuse }, clear: { value: refuse } };
const REFUSED_BY_MAPS: PropertyDescriptorMap = { set: { value: refuse }, delete: { value: refuse }, clear: { value: refuse } };

/**
 * A set that its readers cannot change: user code gets it, and plans share it. Freezing alone would not do, since it does not reach a
 * Set's members, only its methods.
 */
export function frozenSet<T>(values: Iterable<T>): ReadonlySet<T> {
  return Object.freeze(Object.defineProperties(new Set(values), REFUSED_BY_SETS));
}

/** A map that its readers cannot change, as {@link frozenSet} is a set. */
export function frozenMap<Key, Value>(entries: Iterable<readonly [Key, Value]>): ReadonlyMap<Key, Value> {
  return Object.freeze(Object.defineProperties(new Map(entries), REFUSED_BY_MAPS));
}
