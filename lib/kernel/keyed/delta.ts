import { consolidate, fixChange, followChange, invertChange, joinChanges, sortChanges, type Change } from './change.ts';
import { checkKey, type Key } from './key.ts';

/**
 * What turns one collection of keyed rows into another: at most one change a key, in the order of the keys, none that changes nothing. So two
 * equal deltas hold equal lists. A value: it never changes, and its rows are frozen.
 */
export class Delta<K extends Key, V> implements Iterable<Change<K, V>> {
  readonly changes: readonly Change<K, V>[];

  /** Takes changes as they have to be, and freezes them; `delta` takes any. */
  constructor(changes: readonly Change<K, V>[]) {
    for (const change of changes) Object.freeze(change);
    this.changes = Object.freeze(changes);
  }

  /** How many keys it changes. */
  get size(): number {
    return this.changes.length;
  }

  /** What undoes it. */
  invert(): Delta<K, V> {
    return new Delta(this.changes.map(invertChange));
  }

  /**
   * This delta and then `next` as one.
   *
   * @throws DeltaError DELTA_MISMATCH if `next` does not start where this one ends
   */
  compose(next: Delta<K, V>): Delta<K, V> {
    return new Delta(consolidate(merged(this.changes, next.changes), followChange));
  }

  /** The same as a set with weights: a row that goes counts -1, one that comes counts 1. */
  *weighted(): Generator<readonly [key: K, row: V, weight: 1 | -1], void, undefined> {
    for (const { key, old: older, new: newer } of this.changes) {
      if (older !== undefined) yield [key, older, -1];
      if (newer !== undefined) yield [key, newer, 1];
    }
  }

  [Symbol.iterator](): Iterator<Change<K, V>> {
    return this.changes[Symbol.iterator]();
  }
}

const NONE: Delta<never, never> = new Delta<never, never>([]);

/** The delta that changes nothing. */
export function emptyDelta<K extends Key, V>(): Delta<K, V> {
  return NONE;
}

/**
 * A delta out of changes in the order in which they happened. Several of one key become one: a delete and an insert an edit, an insert and a
 * delete nothing. Rows are frozen.
 *
 * @throws DeltaError ROW_KEY_INVALID, ROW_NOT_STORABLE, DELTA_MISMATCH if a change of a key does not start where the one before it ends
 */
export function delta<K extends Key, V>(changes: Iterable<Change<K, V>>): Delta<K, V> {
  const fixed = Array.from(changes, (change) => {
    const key = checkKey(change.key, 'A delta');
    return fixChange({ key, old: change.old, new: change.new }, 'A delta');
  });
  return new Delta(consolidate(sortChanges(fixed), followChange));
}

/** Two consolidated lists of changes as one, the second one known to start where the first one ends. */
export function composeChanges<K extends Key, V>(first: readonly Change<K, V>[], next: readonly Change<K, V>[]): readonly Change<K, V>[] {
  if (first.length === 0) return next;
  if (next.length === 0) return first;
  return consolidate(merged(first, next), joinChanges);
}

function merged<K extends Key, V>(first: readonly Change<K, V>[], next: readonly Change<K, V>[]): readonly Change<K, V>[] {
  return sortChanges([...first, ...next]);
}
