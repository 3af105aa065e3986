import { printValue } from '../print.ts';
import { DeltaError } from '../errors.ts';
import { compareKeys, type Key } from './key.ts';
import { fixRow } from './row.ts';
import { sameValue } from './same-value.ts';
import { Entry } from './tree.ts';

/** What happened to one key: `new` alone is an insert, `old` alone a delete, both are an edit. A row is never `undefined`. */
export interface Change<K extends Key, V> {
  readonly key: K;
  readonly old?: V | undefined;
  readonly new?: V | undefined;
}

/** The change from one state of a key to another; none where both are equal. */
export function changeBetween<K extends Key, V>(key: K, older: V | undefined, newer: V | undefined): readonly [] | readonly [Change<K, V>] {
  return sameValue(older, newer) ? [] : [{ key, old: older, new: newer }];
}

/** The change as it is undone. */
export function invertChange<K extends Key, V>({ key, old: older, new: newer }: Change<K, V>): Change<K, V> {
  return { key, old: newer, new: older };
}

/** Changes in the order of their keys; those of one key stay in the order in which they happened. */
export function sortChanges<K extends Key, V>(changes: readonly Change<K, V>[]): readonly Change<K, V>[] {
  const sorted = changes.every(({ key }, at) => {
    const before = changes[at - 1];
    return before === undefined || compareKeys(before.key, key) <= 0;
  });
  return sorted ? changes : changes.toSorted((a, b) => compareKeys(a.key, b.key));
}

/** What follows when something already happened to the key. */
export type Follow<K extends Key, V> = (first: Change<K, V>, second: Change<K, V>) => Change<K, V>;

/** Both changes as one, trusting that the second one starts where the first one ends. */
export function joinChanges<K extends Key, V>(first: Change<K, V>, second: Change<K, V>): Change<K, V> {
  return { key: first.key, old: first.old, new: second.new };
}

/**
 * Both changes as one.
 *
 * @throws DeltaError DELTA_MISMATCH if the second one does not start where the first one ends
 */
export function followChange<K extends Key, V>(first: Change<K, V>, second: Change<K, V>): Change<K, V> {
  if (!sameValue(first.new, second.old)) throw mismatch(first.key, first.new, second.old);
  return joinChanges(first, second);
}

/** One change a key out of sorted changes with several: what is undone in the same list, or changes nothing, is left out. */
export function consolidate<K extends Key, V>(sorted: readonly Change<K, V>[], follow: Follow<K, V>): readonly Change<K, V>[] {
  const once: Change<K, V>[] = [];
  for (const change of sorted) {
    const before = once.at(-1);
    if (before === undefined || compareKeys(before.key, change.key) !== 0) once.push(change);
    else once[once.length - 1] = follow(before, change);
  }
  return once.filter((change) => !sameValue(change.old, change.new));
}

/**
 * The entry that a change leaves under its key, its row fixed: what an update of a tree of rows does at each.
 *
 * @throws DeltaError DELTA_MISMATCH if the row is not what the change says it was
 */
export function changeEntry<K extends Key, V>(existing: Entry<K, V> | undefined, change: Change<K, V>): Entry<K, V> | undefined {
  if (!sameValue(existing?.value, change.old)) throw mismatch(change.key, existing?.value, change.old);
  return change.new === undefined ? undefined : new Entry(change.key, fixRow(change.new, change.key, 'A pipeline'));
}

/** The change with its rows fixed. */
export function fixChange<K extends Key, V>(change: Change<K, V>, where: string): Change<K, V> {
  if (change.old !== undefined) fixRow(change.old, change.key, where);
  if (change.new !== undefined) fixRow(change.new, change.key, where);
  return change;
}

function mismatch(key: Key, found: unknown, expected: unknown): DeltaError {
  const [is, was] = [found, expected].map((value) => (value === undefined ? 'no row' : 'a row'));
  const facts =
    is === was ? 'the row that is there is another one than the delta starts from' : `there is ${is}, and the delta starts from ${was}`;
  return new DeltaError(
    'DELTA_MISMATCH',
    `A delta does not fit what it is applied to: under key ${printValue(key)} ${facts}. Apply deltas in the order in which they were made, each once; and let functions of rows give the same for the same row every time.`,
    { details: { key } },
  );
}
