import { sortChanges, type Change } from '../kernel/keyed/change.ts';
import { Delta } from '../kernel/keyed/delta.ts';
import { pairKey, type Key } from '../kernel/keyed/key.ts';
import { emptyKeyed, keyedFrom, type Keyed } from '../kernel/keyed/keyed.ts';
import type { Operator } from './operator.ts';
import { sameValue } from '../kernel/keyed/same-value.ts';

/** An operator of one input that needs nothing but the changes. */
export type LinearOperator<K extends Key, V, L extends Key, W> = Operator<readonly [Keyed<K, V>], L, W, undefined>;

/** Keeps the rows for which `keep` says so. */
export function filterRows<K extends Key, V>(keep: (row: V, key: K) => boolean): LinearOperator<K, V, K, V> {
  return rowByRow((row, key) => (keep(row, key) ? row : undefined));
}

/** Makes one row out of each, under the same key; none where `make` gives `undefined`. */
export function mapRows<K extends Key, V, W>(make: (row: V, key: K) => W | undefined): LinearOperator<K, V, K, W> {
  return rowByRow(make);
}

function rowByRow<K extends Key, V, W>(make: (row: V, key: K) => W | undefined): LinearOperator<K, V, K, W> {
  const step = (_state: undefined, [{ changes }]: readonly [Delta<K, V>]): { state: undefined; delta: Delta<K, W> } => {
    const made: Change<K, W>[] = [];
    for (const { key, old: before, new: after } of changes) {
      const older = before === undefined ? undefined : make(before, key);
      const newer = after === undefined ? undefined : make(after, key);
      if (!sameValue(older, newer)) made.push({ key, old: older, new: newer });
    }
    return { state: undefined, delta: new Delta(made) };
  };
  return Object.freeze({
    class: 'linear',
    full: ([input]: readonly [Keyed<K, V>]) => keyedFrom(madeOf(input, make), 'map()'),
    start: (inserts: readonly [Delta<K, V>]) => step(undefined, inserts),
    step,
  });
}

function* madeOf<K extends Key, V, W>(input: Keyed<K, V>, make: (row: V, key: K) => W | undefined): Generator<readonly [K, W]> {
  for (const [key, row] of input) {
    const made = make(row, key);
    if (made !== undefined) yield [key, made];
  }
}

/**
 * Makes any number of rows out of each. Each has a key of its own among those made of the same row; its key in the output is that of the row
 * and its own, as `pairKey` joins them, so rows made of different ones never meet.
 *
 * @throws DeltaError ROW_KEY_REPEATED, while it runs, if one row gives two under one key
 */
export function flatMapRows<K extends Key, V, W>(make: (row: V, key: K) => Iterable<readonly [Key, W]>): LinearOperator<K, V, string, W> {
  const made = (row: V | undefined, key: K): Keyed<string, W> => {
    if (row === undefined) return emptyKeyed();
    const rows = Array.from(make(row, key), ([inner, value]): readonly [string, W] => [pairKey(key, inner), value]);
    return keyedFrom(rows, 'The function of flatMap()');
  };
  const step = (_state: undefined, [{ changes }]: readonly [Delta<K, V>]): { state: undefined; delta: Delta<string, W> } => {
    const all = changes.flatMap(({ key, old: older, new: newer }) => made(newer, key).diff(made(older, key)).changes);
    return { state: undefined, delta: new Delta(sortChanges(all)) };
  };
  return Object.freeze({
    class: 'linear',
    full: ([input]: readonly [Keyed<K, V>]) =>
      keyedFrom(
        [...input].flatMap(([key, row]) => [...made(row, key)]),
        'flatMap()',
      ),
    start: (inserts: readonly [Delta<K, V>]) => step(undefined, inserts),
    step,
  });
}
