import type { DataVersion } from '../events/data-version.ts';
import { isKnownImmutable } from '../kernel/value/fix.ts';
import { printValue } from '../kernel/print.ts';
import { changeBetween, changeEntry, type Change } from './change.ts';
import { DeltaError } from './delta-error.ts';
import { Delta } from './delta.ts';
import { checkKey, compareKeys, type Key } from './key.ts';
import { keyedVersion, lanesOf } from './keyed-version.ts';
import { fixRow } from './row.ts';
import { diffTrees } from './tree-diff.ts';
import { emptyTree, entriesOf, Entry, findEntry, updateTree, type Tree } from './tree.ts';

/**
 * Rows, each under a key of its own. A value: it never changes, its rows are frozen, and changing it gives another one that shares nearly
 * everything with it. Iterates in the order of the keys (numbers, bigints, strings), so equal rows iterate alike, however they came to be.
 */
export class Keyed<K extends Key, V> implements Iterable<readonly [K, V]> {
  readonly #tree: Tree<K, V>;

  /** Takes a tree whose rows are fixed; `keyed` takes any rows. */
  constructor(tree: Tree<K, V>) {
    this.#tree = tree;
  }

  /** How many rows there are. */
  get size(): number {
    return this.#tree.size;
  }

  /** The data version: equal for equal rows. See `keyedVersion` for what it is not. */
  get version(): DataVersion {
    return keyedVersion(this.#tree);
  }

  /** The row under a key. Cost: logarithmic. */
  get(key: K): V | undefined {
    return findEntry(this.#tree, key)?.value;
  }

  /** Whether there is a row under a key. */
  has(key: K): boolean {
    return findEntry(this.#tree, key) !== undefined;
  }

  /** Keys in order. */
  *keys(): Generator<K, void, undefined> {
    for (const { key } of entriesOf(this.#tree)) yield key;
  }

  /** Rows in the order of their keys. */
  *values(): Generator<V, void, undefined> {
    for (const { value } of entriesOf(this.#tree)) yield value;
  }

  /** Keys with their rows, in order. */
  *[Symbol.iterator](): Generator<readonly [K, V], void, undefined> {
    for (const { key, value } of entriesOf(this.#tree)) yield [key, value];
  }

  /**
   * The rows after a delta. Cost: O(d log n) for d changes of n rows.
   *
   * @throws DeltaError DELTA_MISMATCH if a row is not what the delta says it was; this collection stays as it is either way
   */
  apply({ changes }: Delta<K, V>): Keyed<K, V> {
    const tree = updateTree<K, V, Change<K, V>>(this.#tree, changes, (existing, change) => versioned(changeEntry(existing, change)));
    return tree === this.#tree ? this : new Keyed(tree);
  }

  /**
   * The delta from `older` to this: `older.apply(this.diff(older))` has the same rows. Cost: follows what changed where one was made from the
   * other, and linear where not.
   */
  diff(older: Keyed<K, V>): Delta<K, V> {
    return new Delta(
      Array.from(diffTrees(older.#tree, this.#tree)).flatMap(({ older: before, newer: after }) => {
        const key = (before ?? after)?.key;
        return key === undefined ? [] : changeBetween(key, before?.value, after?.value);
      }),
    );
  }

  /** The delta that makes these rows out of none. */
  inserts(): Delta<K, V> {
    return new Delta(Array.from(entriesOf(this.#tree), ({ key, value }) => ({ key, old: undefined, new: value })));
  }
}

const NO_ROWS: Keyed<never, never> = new Keyed<never, never>(emptyTree());

/** The collection without rows. */
export function emptyKeyed<K extends Key, V>(): Keyed<K, V> {
  return NO_ROWS;
}

/**
 * Rows by key, out of a Map or any list of pairs. Rows are frozen, deeply.
 *
 * @throws DeltaError ROW_KEY_INVALID, ROW_KEY_REPEATED, ROW_NOT_STORABLE
 */
export function keyed<K extends Key, V>(rows: Iterable<readonly [K, V]>): Keyed<K, V> {
  return rows instanceof Keyed ? rows : keyedFrom(rows, 'keyed()');
}

/** As {@link keyed}; `where` says in messages who gave the rows. */
export function keyedFrom<K extends Key, V>(rows: Iterable<readonly [K, V]>, where: string): Keyed<K, V> {
  const entries = Array.from(rows, ([given, value]) => {
    const key = checkKey(given, where);
    return new Entry(key, fixRow(value, key, where));
  }).sort((a, b) => compareKeys(a.key, b.key));
  for (const [at, { key }] of entries.entries()) {
    const before = entries[at - 1];
    if (before !== undefined && compareKeys(before.key, key) === 0) throw repeated(key, where);
  }
  return new Keyed(updateTree(emptyTree<K, V>(), entries, (_, entry) => versioned(entry)));
}

/** What cannot be frozen (a Date, bytes) is versioned while it is still what was given; anything else when somebody asks. */
function versioned<E extends Entry<Key, unknown> | undefined>(entry: E): E {
  if (entry !== undefined && !isKnownImmutable(entry.value)) lanesOf(entry);
  return entry;
}

function repeated(key: Key, where: string): DeltaError {
  return new DeltaError(
    'ROW_KEY_REPEATED',
    `${where} has two rows under key ${printValue(key)}. Give each row a key of its own, or say which of the two to keep.`,
    { key, where },
  );
}
