import { changeBetween, sortChanges, type Change } from '../kernel/keyed/change.ts';
import { composeChanges, Delta } from '../kernel/keyed/delta.ts';
import { pairKey, type Key } from '../kernel/keyed/key.ts';
import { keyedFrom, type Keyed } from '../kernel/keyed/keyed.ts';
import type { Operator } from './operator.ts';
import { groupChanges, groupOf, rowsOf, updateIndex, type GroupChanges, type RowIndex, type RowKey } from './row-index.ts';
import { emptyTree, visitEntries } from '../kernel/keyed/tree.ts';

/** How two collections are joined. */
export interface Join<K extends Key, V, L extends Key, W, Made> {
  /** What a row on the left has in common with the rows on the right that it meets; `null` or `undefined` meets nothing. */
  readonly left: RowKey<K, V>;
  /** The same for a row on the right. */
  readonly right: RowKey<L, W>;
  /** The row that two rows make when they meet; none if it gives `undefined`. */
  readonly combine: (left: V, right: W, leftKey: K, rightKey: L) => Made | undefined;
}

/** Both inputs by what they are joined by. */
export interface JoinState<K extends Key, V, L extends Key, W> {
  readonly left: RowIndex<K, V>;
  readonly right: RowIndex<L, W>;
}

/** A join. */
export type JoinOperator<K extends Key, V, L extends Key, W, Made> = Operator<
  readonly [Keyed<K, V>, Keyed<L, W>],
  string,
  Made,
  JoinState<K, V, L, W>
>;

/**
 * Every row on the left with every row on the right that has the same join key, under the pair of their keys (`pairKey`).
 *
 * What changes is: changes on the left against the rows that were on the right, then changes on the right against the rows that are now on
 * the left. Cost: follows the changes and the rows that they meet.
 */
export function joinRows<K extends Key, V, L extends Key, W, Made>(join: Join<K, V, L, W, Made>): JoinOperator<K, V, L, W, Made> {
  const leftOf = groupOf(join.left, 'The left key of join()');
  const rightOf = groupOf(join.right, 'The right key of join()');
  const combine = (left: V | undefined, right: W | undefined, leftKey: K, rightKey: L): Made | undefined =>
    left === undefined || right === undefined ? undefined : join.combine(left, right, leftKey, rightKey);
  type State = JoinState<K, V, L, W>;
  const step = (
    { left, right }: State,
    [onLeft, onRight]: readonly [Delta<K, V>, Delta<L, W>],
  ): { state: State; delta: Delta<string, Made> } => {
    const leftChanges = groupChanges(onLeft.changes, leftOf);
    const rightChanges = groupChanges(onRight.changes, rightOf);
    const state = { left: updateIndex(left, leftChanges), right: updateIndex(right, rightChanges) };
    const first = meet(leftChanges, right, ({ key, old: older, new: newer }, otherKey, other) =>
      changeBetween(pairKey(key, otherKey), combine(older, other, key, otherKey), combine(newer, other, key, otherKey)),
    );
    const second = meet(rightChanges, state.left, ({ key, old: older, new: newer }, otherKey, other) =>
      changeBetween(pairKey(otherKey, key), combine(other, older, otherKey, key), combine(other, newer, otherKey, key)),
    );
    return { state, delta: new Delta(composeChanges(first, second)) };
  };
  return Object.freeze({
    class: 'bilinear',
    full: ([left, right]: readonly [Keyed<K, V>, Keyed<L, W>]) => keyedFrom(pairsOf(left, right, { leftOf, rightOf, combine }), 'join()'),
    start: (inserts: readonly [Delta<K, V>, Delta<L, W>]) => step({ left: emptyTree(), right: emptyTree() }, inserts),
    step,
  });
}

/** What becomes of the output where changed rows of one side meet rows of the other: no output key twice, since no pair meets twice. */
function meet<K extends Key, V, L extends Key, W, Made>(
  groups: readonly GroupChanges<K, V>[],
  others: RowIndex<L, W>,
  made: (change: Change<K, V>, otherKey: L, other: W) => readonly Change<string, Made>[],
): readonly Change<string, Made>[] {
  const all: Change<string, Made>[] = [];
  if (others.size === 0) return all;
  for (const { key: group, changes } of groups) {
    visitEntries(rowsOf(others, group), ({ key, value }) => {
      for (const change of changes) for (const each of made(change, key, value)) all.push(each);
    });
  }
  return sortChanges(all);
}

interface Checked<K extends Key, V, L extends Key, W, Made> {
  readonly leftOf: (row: V, key: K) => Key | undefined;
  readonly rightOf: (row: W, key: L) => Key | undefined;
  readonly combine: (left: V, right: W, leftKey: K, rightKey: L) => Made | undefined;
}

function* pairsOf<K extends Key, V, L extends Key, W, Made>(
  left: Keyed<K, V>,
  right: Keyed<L, W>,
  { leftOf, rightOf, combine }: Checked<K, V, L, W, Made>,
): Generator<readonly [string, Made]> {
  const byKey = new Map<Key | undefined, (readonly [L, W])[]>();
  for (const [key, row] of right) {
    const joinKey = rightOf(row, key);
    const known = byKey.get(joinKey);
    if (known === undefined) byKey.set(joinKey, [[key, row]]);
    else known.push([key, row]);
  }
  for (const [key, row] of left) {
    const joinKey = leftOf(row, key);
    const met = joinKey === undefined ? [] : (byKey.get(joinKey) ?? []);
    for (const [otherKey, other] of met) {
      const made = combine(row, other, key, otherKey);
      if (made !== undefined) yield [pairKey(key, otherKey), made];
    }
  }
}
