import type { Key } from './key.ts';
import type { Tree } from './tree.ts';

/**
 * What is kept of keyed rows, for those who have to know them for what they are and cannot know `Keyed`, which is made with their help:
 * what fixes and encodes values. Frozen, and told apart by what nobody can dress up as.
 */
export abstract class KeyedRows<K extends Key, V> {
  readonly #tree: Tree<K, V>;

  constructor(tree: Tree<K, V>) {
    this.#tree = tree;
    Object.freeze(this);
  }

  /** Whether an object is a collection of keyed rows. */
  static is(value: object): value is KeyedRows<Key, unknown> {
    return #tree in value;
  }

  /** The tree in which the rows are. */
  static treeOf<K extends Key, V>(rows: KeyedRows<K, V>): Tree<K, V> {
    return rows.#tree;
  }
}
