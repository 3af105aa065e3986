import { changeBetween, type Change } from '../kernel/keyed/change.ts';
import { Delta } from '../kernel/keyed/delta.ts';
import type { Key } from '../kernel/keyed/key.ts';
import { groupChanges, type GroupChanges } from './row-index.ts';
import { Entry, updateTree, type Tree } from '../kernel/keyed/tree.ts';
import type { Stepped } from './operator.ts';

/** What is known of a group between steps, with the row that it has in the output, if any. */
export interface GroupState<Row> {
  readonly row: Row | undefined;
}

/** The state of a group after changes of its rows; `undefined` once it has none. Nothing was known of a new group. */
export type FollowGroup<K extends Key, V, G extends Key, State> = (
  known: State | undefined,
  group: GroupChanges<K, V, G>,
) => State | undefined;

/**
 * One step of an operator whose output has one row a group: each group with changes is followed, once, and the output changes where its row
 * is not equal to the one before. Cost: follows the changes, and what `follow` takes.
 */
export function stepGroups<K extends Key, V, G extends Key, Row, State extends GroupState<Row>>(
  states: Tree<G, State>,
  changes: readonly Change<K, V>[],
  { groupOf, follow }: { readonly groupOf: (row: V, key: K) => G | undefined; readonly follow: FollowGroup<K, V, G, State> },
): Stepped<G, Row, Tree<G, State>> {
  const output: Change<G, Row>[] = [];
  const state = updateTree<G, State, GroupChanges<K, V, G>>(states, groupChanges(changes, groupOf), (existing, group) => {
    const next = follow(existing?.value, group);
    output.push(...changeBetween(group.key, existing?.value.row, next?.row));
    return next === undefined ? undefined : new Entry(group.key, next);
  });
  return { state, delta: new Delta(output) };
}
