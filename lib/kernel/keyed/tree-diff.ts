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
export function* diffTrees<K extends Key, V>(older: Tree<K, V>, newer: Tree<K, V>): Generator<Difference<K, V>, void, undefined> {
  let before: readonly Tree<K, V>[] = [older];
  let after: readonly Tree<K, V>[] = [newer];
  for (let height = Math.max(older.height, newer.height); height >= 0; height -= 1) {
    // Nodes in both hold the same keys in both, so they can be left out on both sides and the order stays.
    const shared = intersection(before, after);
    before = below(before, shared, height);
    after = below(after, shared, height);
  }
  yield* diffEntries(entriesIn(before), entriesIn(after));
}

function intersection<T>(a: readonly T[], b: readonly T[]): ReadonlySet<T> {
  const all = new Set(a);
  return new Set(b.filter((each) => all.has(each)));
}

/** The nodes that are not shared, those of this height replaced by their children. */
function below<K extends Key, V>(nodes: readonly Tree<K, V>[], shared: ReadonlySet<Tree<K, V>>, height: number): readonly Tree<K, V>[] {
  return nodes
    .filter((node) => !shared.has(node))
    .flatMap((node) => (node instanceof Branch && node.height === height ? node.children : [node]));
}

function entriesIn<K extends Key, V>(leaves: readonly Tree<K, V>[]): readonly Entry<K, V>[] {
  return leaves.flatMap((leaf) => (leaf instanceof Leaf ? leaf.entries : []));
}

function* diffEntries<K extends Key, V>(
  older: readonly Entry<K, V>[],
  newer: readonly Entry<K, V>[],
): Generator<Difference<K, V>, void, undefined> {
  let left = 0;
  let right = 0;
  while (left < older.length || right < newer.length) {
    const before = older[left];
    const after = newer[right];
    const order = before === undefined ? 1 : after === undefined ? -1 : compareKeys(before.key, after.key);
    if (order <= 0) left += 1;
    if (order >= 0) right += 1;
    if (before !== after) yield { older: order <= 0 ? before : undefined, newer: order >= 0 ? after : undefined };
  }
}
