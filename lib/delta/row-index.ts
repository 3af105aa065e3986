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

interface InGroup<K extends Key, V, G extends Key> {
  readonly group: G;
  readonly change: Change<K, V>;
}

/** Changes by group, in the order of the groups: a row that moves is deleted from one and inserted into another. */
export function groupChanges<K extends Key, V, G extends Key>(
  changes: readonly Change<K, V>[],
  group: (row: V, key: K) => G | undefined,
): readonly GroupChanges<K, V, G>[] {
  const all: InGroup<K, V, G>[] = [];
  for (const change of changes) {
    const { key, old: older, new: newer } = change;
    const from = older === undefined ? undefined : group(older, key);
    const to = newer === undefined ? undefined : group(newer, key);
    if (from !== undefined && to !== undefined && compareKeys(from, to) === 0) {
      all.push({ group: to, change });
    } else {
      if (from !== undefined) all.push({ group: from, change: { key, old: older, new: undefined } });
      if (to !== undefined) all.push({ group: to, change: { key, old: undefined, new: newer } });
    }
  }
  // Sorting keeps what is equal in order, so the changes of each group stay in the order of their keys.
  all.sort((a, b) => compareKeys(a.group, b.group));
  return runsOf(all);
}

function runsOf<K extends Key, V, G extends Key>(sorted: readonly InGroup<K, V, G>[]): readonly GroupChanges<K, V, G>[] {
  const runs: { readonly key: G; readonly changes: Change<K, V>[] }[] = [];
  for (const { group, change } of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && compareKeys(last.key, group) === 0) last.changes.push(change);
    else runs.push({ key: group, changes: [change] });
  }
  return runs;
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
