import type { Key } from '../kernel/keyed/key.ts';
import { emptyKeyed, Keyed, keyedFrom } from '../kernel/keyed/keyed.ts';
import type { DeltasOf, KeyedInputs, Operator, Stepped } from './operator.ts';

/** What the next computation starts from, and what the last one gave. */
export interface OpaqueState<In extends KeyedInputs, K extends Key, V> {
  readonly inputs: In;
  readonly output: Keyed<K, V>;
}

/** An operator that has to be computed as a whole. */
export type OpaqueOperator<In extends KeyedInputs, K extends Key, V> = Operator<In, K, V, OpaqueState<In, K, V>>;

/**
 * Any computation of whole collections: for what none of the other classes can say. Cost of a step: the whole computation, and comparing its
 * output with the last one; readers still get a delta of what really changed.
 */
export function computeAll<const In extends KeyedInputs, K extends Key, V>(
  compute: (...inputs: In) => Iterable<readonly [K, V]>,
): OpaqueOperator<In, K, V> {
  const full = (inputs: In): Keyed<K, V> => {
    const made = compute(...inputs);
    return made instanceof Keyed ? made : keyedFrom(made, 'computeAll()');
  };
  const next = (inputs: In, before: Keyed<K, V>): Stepped<K, V, OpaqueState<In, K, V>> => {
    const output = full(inputs);
    return { state: { inputs, output }, delta: output.diff(before) };
  };
  return Object.freeze({
    class: 'opaque',
    full,
    start: (inserts: DeltasOf<In>) => next(applied([], inserts), emptyKeyed()),
    step: ({ inputs, output }: OpaqueState<In, K, V>, deltas: DeltasOf<In>) => next(applied(inputs, deltas), output),
  });
}

function applied<In extends KeyedInputs>(inputs: KeyedInputs, deltas: DeltasOf<In>): In {
  // One collection a delta, in the same order and of the same rows: the tuple that the deltas are of.
  return Array.from(deltas, (delta, at) => (inputs[at] ?? emptyKeyed()).apply(delta)) as unknown as In;
}
