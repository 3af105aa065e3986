import { canonicalBytes, encodeValue } from '../value/canonical.ts';
import { fixValue } from '../value/fix.ts';
import { printValue } from '../print.ts';
import { changeBetween, changeEntry, type Change } from './change.ts';
import { DeltaError } from '../errors.ts';
import { Delta } from './delta.ts';
import { checkKey, compareKeys, type Key } from './key.ts';
import { KeyedRows } from './keyed-rows.ts';
import { keyedVersion, lanesOf } from './keyed-version.ts';
import { fixRow, isImmutableRow } from './row.ts';
import { diffTrees } from './tree-diff.ts';
import { emptyTree, entriesOf, Entry, findEntry, updateTree, visitEntries } from './tree.ts';

/**
 * Rows, each under a key of its own. A value: it never changes, its rows are frozen, and changing it gives another one that shares nearly
 * everything with it. Iterates in the order of the keys (numbers, bigints, strings), so equal rows iterate alike, however they came to be.
 */
export class Keyed<K extends Key, V> extends KeyedRows<K, V> implements Iterable<readonly [K, V]> {
  /** How messages call it. */
  get [Symbol.toStringTag](): string {
    return 'Keyed';
  }

  /** How many rows there are. */
  get size(): number {
    return KeyedRows.treeOf(this).size;
  }

  /** The data version: equal for equal rows. See `keyedVersion` for what it is not. */
  get version(): string {
    return keyedVersion(KeyedRows.treeOf(this));
  }

  /** The row under a key. Cost: logarithmic. */
  get(key: K): V | undefined {
    return findEntry(KeyedRows.treeOf(this), key)?.value;
  }

  /** Whether there is a row under a key. */
  has(key: K): boolean {
    return findEntry(KeyedRows.treeOf(this), key) !== undefined;
  }

  /** Keys in order. */
  *keys(): Generator<K, void, undefined> {
    for (const { key } of entriesOf(KeyedRows.treeOf(this))) yield key;
  }

  /** Rows in the order of their keys. */
  *values(): Generator<V, void, undefined> {
    for (const { value } of entriesOf(KeyedRows.treeOf(this))) yield value;
  }

  /** Keys with their rows, in order. */
  *[Symbol.iterator](): Generator<readonly [K, V], void, undefined> {
    for (const { key, value } of entriesOf(KeyedRows.treeOf(this))) yield [key, value];
  }

  /**
   * The rows after a delta. Cost: O(d log n) for d changes of n rows.
   *
   * @throws DeltaError DELTA_MISMATCH if a row is not what the delta says it was; this collection stays as it is either way
   */
  apply({ changes }: Delta<K, V>): Keyed<K, V> {
    const before = KeyedRows.treeOf(this);
    const tree = updateTree<K, V, Change<K, V>>(before, changes, (existing, change) => asItIs(changeEntry(existing, change)));
    return tree === before ? this : new Keyed(tree);
  }

  /**
   * These rows with another one under a key, or one more. Cost: logarithmic.
   *
   * @throws DeltaError ROW_KEY_INVALID, ROW_NOT_STORABLE
   */
  set(key: K, row: V): Keyed<K, V> {
    const at = checkKey(key, 'set()');
    return this.apply(new Delta(changeBetween(at, this.get(at), fixRow(row, at, 'set()'))));
  }

  /** These rows without the one under a key, if there is one. Cost: logarithmic. */
  delete(key: K): Keyed<K, V> {
    return this.apply(new Delta(changeBetween(key, this.get(key), undefined)));
  }

  /**
   * The delta from `older` to this: `older.apply(this.diff(older))` has the same rows. Cost: follows what changed where one was made from the
   * other, and linear where not.
   */
  diff(older: Keyed<K, V>): Delta<K, V> {
    return new Delta(
      diffTrees(KeyedRows.treeOf(older), KeyedRows.treeOf(this)).flatMap(({ older: before, newer: after }) => {
        const key = (before ?? after)?.key;
        return key === undefined ? [] : changeBetween(key, before?.value, after?.value);
      }),
    );
  }

  /** The delta that makes these rows out of none. */
  inserts(): Delta<K, V> {
    const changes: Change<K, V>[] = [];
    visitEntries(KeyedRows.treeOf(this), ({ key, value }) => void changes.push({ key, old: undefined, new: value }));
    return new Delta(changes);
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
export function keyed<K, V>(rows: Iterable<readonly [K, V]>, ..._keys: KeysOnly<K>): Keyed<AsKey<K>, V> {
  // What is no key is refused by the compiler, and checked where it is taken in.
  const given = rows as Iterable<readonly [AsKey<K>, V]>;
  return given instanceof Keyed ? given : keyedFrom(given, 'keyed()');
}

/** Not as a constraint of `K`: then keys that are written out would be of no type but their own, and no other could be set. */
type KeysOnly<K> = unknown extends K ? [] : [K] extends [Key] ? [] : [keysAre: 'strings, numbers or bigints'];

/** The type of keys that were found to be keys. */
export type AsKey<K> = unknown extends K ? Key : K extends Key ? K : never;

/** As {@link keyed}; `where` says in messages who gave the rows. */
export function keyedFrom<K extends Key, V>(rows: Iterable<readonly [K, V]>, where: string): Keyed<K, V> {
  const entries = Array.from(rows, ([given, value]) => {
    const key = checkKey(given, where);
    const isImmutable = isImmutableRow(value, key, where);
    const entry = new Entry(key, value);
    return isImmutable ? entry : encoded(entry);
  }).sort((a, b) => compareKeys(a.key, b.key));
  let before: Entry<K, V> | undefined;
  for (const entry of entries) {
    if (before !== undefined && compareKeys(before.key, entry.key) === 0) throw repeated(entry.key, where);
    before = entry;
  }
  return new Keyed(updateTree(emptyTree<K, V>(), entries, (_, entry) => entry));
}

/** What cannot be frozen (a Date, bytes) is hashed and encoded while it is still what was given; anything else when somebody asks. */
function asItIs<E extends Entry<Key, unknown> | undefined>(entry: E): E {
  if (entry === undefined || entry.encoded !== undefined) return entry;
  // Not what is remembered of it: of very many rows, the first may be forgotten.
  const fixed = fixValue(entry.value);
  return fixed.storable && fixed.immutable ? entry : encoded(entry);
}

function encoded<E extends Entry<Key, unknown>>(entry: E): E {
  lanesOf(entry);
  const [stored, canonical] = [encodeValue(entry.value), canonicalBytes(entry.value)];
  entry.encoded = { stored, canonical: Buffer.compare(stored, canonical) === 0 ? stored : canonical };
  return entry;
}

function repeated(key: Key, where: string): DeltaError {
  return new DeltaError(
    'ROW_KEY_REPEATED',
    `${where} has two rows under key ${printValue(key)}. Give each row a key of its own, or say which of the two to keep.`,
    { details: { key, where } },
  );
}
