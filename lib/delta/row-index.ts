import { changeEntry, type Change } from '../kernel/keyed/change.ts';
import { checkKey, compareKeys, type Key } from '../kernel/keyed/key.ts';
import { emptyTree, Entry, findEntry, updateTree, type Tree } from '../kernel/keyed/tree.ts';

/** What a row is put together by; none if it belongs nowhere. */
export type RowKey<K extends Key, V, G extends Key = Key> = (row: V, key: K) => G | null | undefined;

/** Rows by what they are put together by, then by their own key. No group is empty. */
export type RowIndex<K extends Key, V, G extends Key = Key> = Tree<G, Tree<K, V>>;

/** The changes of the rows of one group. */
export interface GroupChanges<K extends Key, V, G extends Key = Key> {
  /** What the rows are put together by. */
  readonly key: G;
  readonly changes: readonly Change<K, V>[];
}

/** The group of a row, checked; `where` names the function in messages. */
export function groupOf<K extends Key, V, G extends Key>(by: RowKey<K, V, G>, where: string): (row: V, key: K) => G | undefined {
  return (row, key) => {
    const group = by(row, key);
    return group === null || group === undefined ? undefined : checkKey(group, where);
  };
}

/** Changes by group, in the order of the groups: a row that moves is deleted from one and inserted into another. */
export function groupChanges<K extends Key, V, G extends Key>(
  changes: readonly Change<K, V>[],
  group: (row: V, key: K) => G | undefined,
): readonly GroupChanges<K, V, G>[] {
  // Keys are the same where those of a Map are, so only groups have to be sorted, and the changes of each stay in the order of their keys.
  const groups = new Map<G, OpenGroup<K, V, G>>();
  for (const change of changes) {
    const { key, old: older, new: newer } = change;
    const from = older === undefined ? undefined : group(older, key);
    const to = newer === undefined ? undefined : group(newer, key);
    if (from !== undefined && to !== undefined && compareKeys(from, to) === 0) {
      addChange(groups, to, change);
    } else {
      if (from !== undefined) addChange(groups, from, newer === undefined ? change : { key, old: older, new: undefined });
      if (to !== undefined) addChange(groups, to, older === undefined ? change : { key, old: undefined, new: newer });
    }
  }
  return Array.from(groups.values()).sort((a, b) => compareKeys(a.key, b.key));
}

/** A group to which changes are still added. */
interface OpenGroup<K extends Key, V, G extends Key> extends GroupChanges<K, V, G> {
  readonly changes: Change<K, V>[];
}

function addChange<K extends Key, V, G extends Key>(groups: Map<G, OpenGroup<K, V, G>>, key: G, change: Change<K, V>): void {
  const known = groups.get(key);
  if (known === undefined) groups.set(key, { key, changes: [change] });
  else known.changes.push(change);
}

/** The index after changes. */
export function updateIndex<K extends Key, V, G extends Key>(
  index: RowIndex<K, V, G>,
  groups: readonly GroupChanges<K, V, G>[],
): RowIndex<K, V, G> {
  return updateTree<G, Tree<K, V>, GroupChanges<K, V, G>>(index, groups, (existing, { key, changes }) => {
    const rows = updateTree(existing?.value ?? emptyTree<K, V>(), changes, changeEntry<K, V>);
    if (rows === existing?.value) return existing;
    return rows.size === 0 ? undefined : new Entry(key, rows);
  });
}

/** The rows of one group. */
export function rowsOf<K extends Key, V, G extends Key>(index: RowIndex<K, V, G>, group: G): Tree<K, V> {
  return findEntry(index, group)?.value ?? emptyTree();
}
