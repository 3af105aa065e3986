import { changeEntry } from '../kernel/keyed/change.ts';
import type { Delta } from '../kernel/keyed/delta.ts';
import { stepGroups, type GroupState } from './groups.ts';
import type { Key } from '../kernel/keyed/key.ts';
import { Keyed, keyedFrom } from '../kernel/keyed/keyed.ts';
import type { Operator } from './operator.ts';
import { fixRow } from '../kernel/keyed/row.ts';
import { groupOf, type GroupChanges, type RowKey } from './row-index.ts';
import { emptyTree, updateTree, type Tree } from '../kernel/keyed/tree.ts';

/** A group that is followed by its rows. */
export interface GroupRows<K extends Key, V, Row> extends GroupState<Row> {
  readonly rows: Tree<K, V>;
}

/** Computation by group. */
export type GroupOperator<K extends Key, V, G extends Key, Row> = Operator<readonly [Keyed<K, V>], G, Row, Tree<G, GroupRows<K, V, Row>>>;

/**
 * One row a group, under the group's key: whatever `compute` makes of all its rows, no row if that is `undefined`. Cost of a step: computing
 * the groups that changed, each once.
 */
export function computeGroups<K extends Key, V, G extends Key, Row>(
  by: RowKey<K, V, G>,
  compute: (rows: Keyed<K, V>, group: G) => Row | undefined,
): GroupOperator<K, V, G, Row> {
  const groupOfRow = groupOf(by, 'The function of groupBy()');
  type State = Tree<G, GroupRows<K, V, Row>>;
  const follow = (known: GroupRows<K, V, Row> | undefined, { key, changes }: GroupChanges<K, V, G>): GroupRows<K, V, Row> | undefined => {
    const rows = updateTree(known?.rows ?? emptyTree<K, V>(), changes, changeEntry<K, V>);
    if (rows.size === 0) return undefined;
    const computed = compute(new Keyed(rows), key);
    const row = computed === undefined ? undefined : fixRow(computed, key, 'The function of compute()');
    return { row, rows };
  };
  const step = (state: State, [{ changes }]: readonly [Delta<K, V>]): { state: State; delta: Delta<G, Row> } =>
    stepGroups(state, changes, { groupOf: groupOfRow, follow });
  return Object.freeze({
    class: 'keyed',
    full: ([input]: readonly [Keyed<K, V>]) => {
      const groups = new Map<G, (readonly [K, V])[]>();
      for (const [key, row] of input) {
        const group = groupOfRow(row, key);
        if (group === undefined) continue;
        const known = groups.get(group);
        if (known === undefined) groups.set(group, [[key, row]]);
        else known.push([key, row]);
      }
      const rows = Array.from(groups, ([group, of]) => [group, compute(keyedFrom(of, 'groupBy()'), group)] as const);
      return keyedFrom(
        rows.flatMap(([group, row]) => (row === undefined ? [] : [[group, row] as const])),
        'compute()',
      );
    },
    start: (inserts: readonly [Delta<K, V>]) => step(emptyTree(), inserts),
    step,
  });
}
