import fc from 'fast-check';
import { delta, type Delta } from '../../../lib/kernel/keyed/delta.ts';
import type { Key } from '../../../lib/kernel/keyed/key.ts';
import { keyed, type Keyed } from '../../../lib/kernel/keyed/keyed.ts';

/** Few keys, so that they meet, and those that look alike: kinds, zeros, what is no number, what no UTF-8 has. */
export const key: fc.Arbitrary<Key> = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 5 }) },
  fc.constantFrom<Key>(-0, NaN, Infinity, -Infinity, 0.5, 0n, 1n, -1n, 2n ** 70n, '', '0', '1', 'NaN', '1n', 'a', 'b', '\ud800', '\ufffd'),
);

/** Numbers whose sums show what is rounded when. */
export const amount: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 2, arbitrary: fc.constantFrom(-0, 0.1, 0.2, 0.3, 1e308, -1e308, 5e-324, 2 ** 53, 2 ** 52, -(2 ** 53) - 2, 1e16) },
  fc.constantFrom(NaN, Infinity, -Infinity),
  fc.double(),
);

/** What all pipelines of the specs work on. */
export interface Row {
  /** Refers to other rows, or to a group; or to nothing. */
  readonly to: Key | null;
  readonly n: number;
}

export const row: fc.Arbitrary<Row> = fc.record({ to: fc.oneof({ weight: 6, arbitrary: key }, fc.constant(null)), n: amount });

/** Values of every kind that can be stored, with repetitions. */
export const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(0, -0, NaN, '', 'a', 1n, null, true),
  fc.constantFrom(0, 1).map((time) => new Date(time)),
  fc.constantFrom(1, 2).map((byte) => Uint8Array.of(byte)),
  fc.array(fc.constantFrom(0, 1), { maxLength: 2 }).map((members) => new Set(members)),
  fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom(0, -0)), { maxLength: 2 }).map((entries) => new Map(entries)),
  fc.array(fc.constantFrom(0, -0, undefined), { maxLength: 2 }),
  fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom(0, undefined, [0]), { maxKeys: 2 }),
);

export function table<V>(rows: fc.Arbitrary<V>, maxLength = 8): fc.Arbitrary<Keyed<Key, V>> {
  return fc.array(fc.tuple(key, rows), { maxLength }).map((pairs) => keyed(new Map(pairs)));
}

/** Puts and deletes that fit any table: a delta is what they do to it. */
export type Edit<V> = readonly [key: Key, row: V | undefined];

export function edits<V>(rows: fc.Arbitrary<V>, maxLength = 6): fc.Arbitrary<readonly Edit<V>[]> {
  return fc.array(fc.tuple(key, fc.oneof({ weight: 2, arbitrary: rows }, fc.constant(undefined))), { maxLength });
}

/** What edits do to a table, one after the other: also a delete and an insert of one key, and what changes nothing. */
export function deltaOf<V>(before: Keyed<Key, V>, made: readonly Edit<V>[]): Delta<Key, V> {
  const now = new Map(before);
  return delta(
    made.map(([at, next]) => {
      const previous = now.get(at);
      if (next === undefined) now.delete(at);
      else now.set(at, next);
      return { key: at, old: previous, new: next };
    }),
  );
}
