import type { Key } from '../kernel/keyed/key.ts';

/**
 * A result that follows the rows of a group as they come and go. What is accumulated is a value: `add` and `remove` give another one and
 * leave theirs as it is. The result must not depend on the order in which rows are added.
 */
export interface Aggregate<K extends Key, V, Accumulated, Result> {
  /** What is accumulated of no rows. Never `undefined`. */
  readonly empty: Accumulated;

  /** With one more row. */
  add(accumulated: Accumulated, row: V, key: K): Accumulated;

  /** Without a row that was added; `undefined` if that cannot be told: the group is then accumulated anew from its rows. */
  remove(accumulated: Accumulated, row: V, key: K): Accumulated | undefined;

  /** What becomes of the group's rows; no row in the output if `undefined`. */
  result(accumulated: Accumulated): Result | undefined;

  /** `remove` never gives `undefined`, so the rows of groups need not be kept. */
  readonly invertible?: boolean;
}

/** The aggregates of several names, as one row. */
export type Aggregates<K extends Key, V> = Readonly<Record<string, Aggregate<K, V, unknown, unknown>>>;

/** The row that aggregates of several names give. */
export type ResultsOf<A> = { readonly [N in keyof A]: A[N] extends Aggregate<infer _K, infer _V, infer _A, infer Result> ? Result : never };
