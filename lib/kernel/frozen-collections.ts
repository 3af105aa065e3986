function refuse(): never {
  throw new TypeError('This collection is shared and cannot be changed. Copy it: new Set(…) or new Map(…).');
}

/** What refuses is on the prototype: as properties of each set it would cost ten times what the set does. */
class FrozenSet<T> extends Set<T> {
  constructor(values: Iterable<T>) {
    super();
    for (const value of values) super.add(value);
    Object.freeze(this);
  }

  override add(): never {
    return refuse();
  }

  override delete(): never {
    return refuse();
  }

  override clear(): never {
    return refuse();
  }
}

class FrozenMap<Key, Value> extends Map<Key, Value> {
  constructor(entries: Iterable<readonly [Key, Value]>) {
    super();
    for (const [key, value] of entries) super.set(key, value);
    Object.freeze(this);
  }

  override set(): never {
    return refuse();
  }

  override delete(): never {
    return refuse();
  }

  override clear(): never {
    return refuse();
  }
}

// Without a constructor of their own they print and compare as the Set and the Map that they are.
for (const { prototype } of [FrozenSet, FrozenMap]) Reflect.deleteProperty(prototype, 'constructor');

/**
 * A set that its readers cannot change: user code gets it, and plans share it. Freezing alone would not do, since it does not reach a
 * Set's members, only its methods.
 */
export function frozenSet<T>(values: Iterable<T>): ReadonlySet<T> {
  return new FrozenSet(values);
}

/** A map that its readers cannot change, as {@link frozenSet} is a set. */
export function frozenMap<Key, Value>(entries: Iterable<readonly [Key, Value]>): ReadonlyMap<Key, Value> {
  return new FrozenMap(entries);
}
