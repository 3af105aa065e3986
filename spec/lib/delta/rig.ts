import { expect } from 'vitest';
import type { Key } from '../../../lib/kernel/keyed/key.ts';
import { emptyKeyed, Keyed } from '../../../lib/kernel/keyed/keyed.ts';
import type { DeltasOf, KeyedInputs, Operator } from '../../../lib/delta/operator.ts';
import { Branch, Entry, entriesOf, Leaf, type Tree } from '../../../lib/kernel/keyed/tree.ts';

/** What a state says, without how its trees happen to be built and what they remember. */
export function plainState(state: unknown): unknown {
  if (state instanceof Leaf || state instanceof Branch) {
    // Whatever the tree is of, its entries are what counts.
    const tree = state as Tree<Key, unknown>;
    return [...entriesOf(tree)].map(plainState);
  }
  if (state instanceof Entry) return [state.key, plainState(state.value)];
  if (state instanceof Keyed) return [...state];
  if (Array.isArray(state)) return state.map(plainState);
  if (typeof state !== 'object' || state === null || state instanceof Date) return state;
  return Object.fromEntries(Object.entries(state).map(([name, part]) => [name, plainState(part)]));
}

/** A tree and every tree in it. */
export function nodesIn<V>(tree: Tree<Key, V>): readonly Tree<Key, V>[] {
  return [tree, ...(tree instanceof Branch ? tree.children.flatMap(nodesIn) : [])];
}

/** Two collections hold the same rows, by what they show and by their versions. */
export function expectSame(actual: Keyed<Key, unknown>, expected: Keyed<Key, unknown>): void {
  expect([...actual]).toStrictEqual([...expected]);
  expect(actual.version).toBe(expected.version);
}

/** Follows an operator along a history of its inputs, and holds it to the law (I18) at each step. */
export function followOperator<In extends KeyedInputs, K extends Key, V>(
  operator: Operator<In, K, V>,
  inputs: In,
  history: readonly DeltasOf<In>[],
): Keyed<K, V> {
  const insertsOf = (all: In): DeltasOf<In> => all.map((input) => input.inserts()) as unknown as DeltasOf<In>;
  let now = inputs;
  let { state, delta } = operator.start(insertsOf(now));
  let output = emptyKeyed<K, V>().apply(delta);
  expectSame(output, operator.full(now));
  for (const deltas of history) {
    const before = plainState(state);
    const stepped = operator.step(state, deltas);
    // The state that the step started from is as good as new.
    expect(plainState(state)).toStrictEqual(before);
    expect(operator.step(state, deltas).delta.changes).toStrictEqual(stepped.delta.changes);
    now = now.map((input, at) => input.apply(deltas[at] ?? delta)) as unknown as In;
    output = output.apply(stepped.delta);
    ({ state, delta } = stepped);
    expectSame(output, operator.full(now));
    expect(plainState(state)).toStrictEqual(plainState(operator.start(insertsOf(now)).state));
  }
  return output;
}
