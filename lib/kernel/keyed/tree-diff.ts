import { compareKeys, type Key } from './key.ts';
import { Branch, Leaf, type Entry, type Tree } from './tree.ts';

/** One key at which two trees hold different entries; never neither. */
export interface Difference<K extends Key, V> {
  readonly older: Entry<K, V> | undefined;
  readonly newer: Entry<K, V> | undefined;
}

/**
 * Every key under which two trees hold different entries, in the order of the keys. Two entries count as different unless they are one
 * object; whether their values are equal is for the caller to ask.
 *
 * Cost: nodes that both trees hold are not looked into, so it follows the number of changes between two versions of one tree; linear for
 * trees that have nothing in common.
 */
export function diffTrees<K extends Key, V>(older: Tree<K, V>, newer: Tree<K, V>): readonly Difference<K, V>[] {
  let sides: Sides<Tree<K, V>> = withoutCommon([older], [newer]);
  for (let height = Math.max(older.height, newer.height); height > 0; height -= 1)
    sides = withoutCommon(below(sides.before, height), below(sides.after, height));
  return diffEntries(withoutCommonEnds(entriesIn(sides.before), entriesIn(sides.after)));
}

/** What there is of two trees at one height, or in their leaves, in the order of the keys. */
interface Sides<T> {
  readonly before: readonly T[];
  readonly after: readonly T[];
}

/** Nodes in both hold the same keys in both, so they can be left out on both sides and the order stays. */
function withoutCommon<T>(before: readonly T[], after: readonly T[]): Sides<T> {
  const sides = withoutCommonEnds(before, after);
  // One that is replaced by one is what there mostly is, and has nothing left in common.
  if (sides.before.length <= 1 && sides.after.length <= 1) return sides;
  const older = new Set(sides.before);
  const shared = new Set(sides.after.filter((each) => older.has(each)));
  if (shared.size === 0) return sides;
  return { before: sides.before.filter((each) => !shared.has(each)), after: sides.after.filter((each) => !shared.has(each)) };
}

/** Both lists without what they start and end with alike: where little changed that is most of them, and costs a look. */
function withoutCommonEnds<T>(before: readonly T[], after: readonly T[]): Sides<T> {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return { before: before.slice(start, before.length - end), after: after.slice(start, after.length - end) };
}

/** The nodes, those of this height replaced by their children. */
function below<K extends Key, V>(nodes: readonly Tree<K, V>[], height: number): readonly Tree<K, V>[] {
  const children: Tree<K, V>[] = [];
  for (const node of nodes) {
    if (node instanceof Branch && node.height === height) for (const child of node.children) children.push(child);
    else children.push(node);
  }
  return children;
}

function entriesIn<K extends Key, V>(leaves: readonly Tree<K, V>[]): readonly Entry<K, V>[] {
  const entries: Entry<K, V>[] = [];
  for (const leaf of leaves) if (leaf instanceof Leaf) for (const entry of leaf.entries) entries.push(entry);
  return entries;
}

function diffEntries<K extends Key, V>({ before: older, after: newer }: Sides<Entry<K, V>>): readonly Difference<K, V>[] {
  const differences: Difference<K, V>[] = [];
  let left = 0;
  let right = 0;
  while (left < older.length || right < newer.length) {
    const before = older[left];
    const after = newer[right];
    const order = before === undefined ? 1 : after === undefined ? -1 : compareKeys(before.key, after.key);
    if (order <= 0) left += 1;
    if (order >= 0) right += 1;
    if (before !== after) differences.push({ older: order <= 0 ? before : undefined, newer: order >= 0 ? after : undefined });
  }
  return differences;
}
