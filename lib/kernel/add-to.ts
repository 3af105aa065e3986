/** Puts something at the end of the list under a key. */
export function addTo<Key, Each>(lists: Map<Key, Each[]>, key: Key, each: Each): void {
  const known = lists.get(key);
  if (known === undefined) lists.set(key, [each]);
  else known.push(each);
}
