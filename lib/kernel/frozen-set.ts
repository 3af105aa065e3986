/** A set that its readers cannot change: user code gets it, and plans share it. */
export function frozenSet<T>(values: Iterable<T>): ReadonlySet<T> {
  const set = new Set(values);
  const refuse = (): never => {
    throw new TypeError('This set is shared and cannot be changed. Copy it with new Set(…).');
  };
  // Freezing does not reach a Set's members, only its methods: these are the ones that would change them. Not enumerable, so that a
  // printed set shows its members alone.
  for (const method of ['add', 'delete', 'clear']) Object.defineProperty(set, method, { value: refuse });
  return Object.freeze(set);
}
