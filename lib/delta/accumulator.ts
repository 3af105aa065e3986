import { printValue } from '../kernel/print.ts';
import { fixValue } from '../kernel/value/fix.ts';
import type { Aggregate } from './aggregate.ts';
import { changeEntry, type Change } from '../kernel/keyed/change.ts';
import { DeltaError } from '../kernel/errors.ts';
import type { Delta } from '../kernel/keyed/delta.ts';
import { stepGroups, type FollowGroup, type GroupState } from './groups.ts';
import type { Key } from '../kernel/keyed/key.ts';
import { keyedFrom, type Keyed } from '../kernel/keyed/keyed.ts';
import type { Operator } from './operator.ts';
import { fixRow } from '../kernel/keyed/row.ts';
import { groupOf, type RowKey } from './row-index.ts';
import { emptyTree, updateTree, visitEntries, type Tree } from '../kernel/keyed/tree.ts';

/** A group that is followed by what was accumulated of it. */
export interface Accumulation<K extends Key, V, Accumulated, Row> extends GroupState<Row> {
  /** How many rows the group has: 0 is no group. */
  readonly count: number;
  readonly accumulated: Accumulated;
  /** The rows themselves, where the aggregate may have to start anew. */
  readonly rows: Tree<K, V> | undefined;
}

/** Aggregation by group. */
export type AggregateOperator<K extends Key, V, G extends Key, Accumulated, Row> = Operator<
  readonly [Keyed<K, V>],
  G,
  Row,
  Tree<G, Accumulation<K, V, Accumulated, Row>>
>;

/**
 * One row a group, under the group's key: what an aggregate makes of its rows. Cost of a step: one `add` or `remove` a changed row, and the
 * rows of the groups whose aggregate has to start anew.
 */
export function aggregateRows<K extends Key, V, G extends Key, Accumulated, Row>(
  by: RowKey<K, V, G>,
  aggregate: Aggregate<K, V, Accumulated, Row>,
): AggregateOperator<K, V, G, Accumulated, Row> {
  const groupOfRow = groupOf(by, 'The function of groupBy()');
  const accumulating = { groupOf: groupOfRow, follow: followWith<K, V, G, Accumulated, Row>(aggregate) };
  type State = Tree<G, Accumulation<K, V, Accumulated, Row>>;
  const step = (state: State, [{ changes }]: readonly [Delta<K, V>]): { state: State; delta: Delta<G, Row> } =>
    stepGroups(state, changes, accumulating);
  return Object.freeze({
    class: 'accumulator',
    full: ([input]: readonly [Keyed<K, V>]) => {
      const groups = new Map<G, Accumulated>();
      for (const [key, row] of input) {
        const group = groupOfRow(row, key);
        if (group !== undefined) groups.set(group, aggregate.add(groups.get(group) ?? aggregate.empty, row, key));
      }
      const rows = Array.from(groups, ([group, accumulated]) => [group, aggregate.result(accumulated)] as const);
      return keyedFrom(
        rows.flatMap(([group, row]) => (row === undefined ? [] : [[group, row] as const])),
        'aggregate()',
      );
    },
    start: (inserts: readonly [Delta<K, V>]) => step(emptyTree(), inserts),
    step,
  });
}

function followWith<K extends Key, V, G extends Key, Accumulated, Row>(
  aggregate: Aggregate<K, V, Accumulated, Row>,
): FollowGroup<K, V, G, Accumulation<K, V, Accumulated, Row>> {
  // Frozen here and wherever it is kept: an `add` that changes what it is given would reach into states of the past, and now fails instead.
  // What was frozen by its maker is taken to be so all the way down.
  fixValue(aggregate.empty);
  return (known, { key: group, changes }) => {
    const before = known ?? { row: undefined, count: 0, accumulated: aggregate.empty, rows: emptyTree<K, V>() };
    const count = before.count + growth(changes);
    if (count < 0) throw missingRows(group);
    const rows =
      before.rows === undefined || aggregate.invertible === true ? undefined : updateTree(before.rows, changes, changeEntry<K, V>);
    if (count === 0) return undefined;
    const accumulated = followChanges(aggregate, before.accumulated, changes) ?? fold(aggregate, rows, group);
    if (!Object.isFrozen(accumulated)) fixValue(accumulated);
    return { row: resultRow(aggregate, accumulated, group), count, accumulated, rows };
  };
}

function fold<K extends Key, V, Accumulated, Row>(
  aggregate: Aggregate<K, V, Accumulated, Row>,
  rows: Tree<K, V> | undefined,
  group: Key,
): Accumulated {
  if (rows === undefined) throw notInvertible(group);
  let accumulated = aggregate.empty;
  visitEntries(rows, ({ key, value }) => {
    accumulated = aggregate.add(accumulated, value, key);
  });
  return accumulated;
}

function resultRow<K extends Key, V, Accumulated, Row>(
  aggregate: Aggregate<K, V, Accumulated, Row>,
  accumulated: Accumulated,
  group: Key,
): Row | undefined {
  const result = aggregate.result(accumulated);
  return result === undefined ? undefined : fixRow(result, group, 'An aggregate');
}

function growth(changes: readonly Change<Key, unknown>[]): number {
  return changes.reduce((sum, change) => sum + Number(change.new !== undefined) - Number(change.old !== undefined), 0);
}

/** Comings before goings, so that a group that is all replaced never has to start anew from nothing. */
function followChanges<K extends Key, V, Accumulated, Row>(
  aggregate: Aggregate<K, V, Accumulated, Row>,
  before: Accumulated,
  changes: readonly Change<K, V>[],
): Accumulated | undefined {
  let accumulated: Accumulated | undefined = before;
  for (const { key, new: row } of changes) if (row !== undefined) accumulated = aggregate.add(accumulated, row, key);
  for (const { key, old: row } of changes) {
    if (row !== undefined) accumulated = aggregate.remove(accumulated, row, key);
    if (accumulated === undefined) return undefined;
  }
  return accumulated;
}

function missingRows(group: Key): DeltaError {
  return new DeltaError(
    'DELTA_MISMATCH',
    `A delta does not fit what it is applied to: group ${printValue(group)} loses more rows than it has. Apply deltas in the order in which they were made, each once; and let functions of rows give the same for the same row every time.`,
    { details: { group } },
  );
}

function notInvertible(group: Key): DeltaError {
  return new DeltaError(
    'AGGREGATE_NOT_INVERTIBLE',
    `The aggregate of group ${printValue(group)} says that it is invertible, and its remove() gave undefined. Leave "invertible" out: the rows of groups are then kept, and the group accumulated anew.`,
    { details: { group } },
  );
}
