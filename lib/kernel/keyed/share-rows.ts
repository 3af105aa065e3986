import type { Key } from './key.ts';
import type { Keyed } from './keyed.ts';
import { KeyedRows } from './keyed-rows.ts';
import { Branch } from './tree.ts';

/**
 * The same rows, in a tree that shares with that of earlier ones what both have in common: less is stored then, and what changed is found
 * without a look at the rest. Rows that were made from the earlier ones are given back as they are. Cost: linear for all others.
 */
export function shareRows<K extends Key, V>(rows: Keyed<K, V>, earlier: Keyed<K, V>): Keyed<K, V> {
  const [tree, other] = [KeyedRows.treeOf(rows), KeyedRows.treeOf(earlier)];
  if (!(tree instanceof Branch) || !(other instanceof Branch) || tree === other) return rows;
  const known = new Set(other.children);
  return tree.children.some((child) => known.has(child)) ? rows : earlier.apply(rows.diff(earlier));
}
