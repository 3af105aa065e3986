import type { Delta } from '../kernel/keyed/delta.ts';
import type { Key } from '../kernel/keyed/key.ts';
import type { Keyed } from '../kernel/keyed/keyed.ts';

/**
 * How an operator follows changes.
 * - `linear`: row by row, with no memory at all.
 * - `bilinear`: of two inputs, each changed row against the rows of the other that it meets.
 * - `accumulator`: a running result a group, to which rows are added and from which they are removed.
 * - `keyed`: a result a group, computed anew from the rows of the groups that changed.
 * - `opaque`: the whole, computed anew; what changed is found by comparing.
 */
export type OperatorClass = 'linear' | 'bilinear' | 'accumulator' | 'keyed' | 'opaque';

/** Collections that an operator reads, in order. */
export type KeyedInputs = readonly Keyed<Key, unknown>[];

/** A delta for each input. */
export type DeltasOf<In extends KeyedInputs> = { readonly [I in keyof In]: In[I] extends Keyed<infer K, infer V> ? Delta<K, V> : never };

/** What one step gives: what changed in the output, and the state for the next step. */
export interface Stepped<K extends Key, V, State> {
  readonly state: State;
  readonly delta: Delta<K, V>;
}

/**
 * A computation on keyed rows together with its incremental version, held to one law: if `state` is that of `inputs`, then
 * `full(inputs).apply(step(state, deltas).delta)` has the same rows as `full` of the changed inputs.
 *
 * Everything is a value. A state can be made again from the inputs, and stays good after a step from it, so that a step that failed or is
 * thrown away costs nothing but itself. Functions of rows have to give the same for the same row every time.
 */
export interface Operator<In extends KeyedInputs, K extends Key, V, State = unknown> {
  readonly class: OperatorClass;

  /** The output, computed from the whole inputs. */
  full(inputs: In): Keyed<K, V>;

  /** The first step, from no input rows at all: `delta` is the whole output. */
  start(inserts: DeltasOf<In>): Stepped<K, V, State>;

  /** What the changes of the inputs change in the output. */
  step(state: State, deltas: DeltasOf<In>): Stepped<K, V, State>;
}
