import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dataVersion } from '../../../../lib/kernel/value/version.ts';
import type { Change } from '../../../../lib/kernel/keyed/change.ts';
import { delta, emptyDelta, type Delta } from '../../../../lib/kernel/keyed/delta.ts';
import type { Key } from '../../../../lib/kernel/keyed/key.ts';
import { keyed, type Keyed } from '../../../../lib/kernel/keyed/keyed.ts';
import { deltaOf, edits, table, value } from '../../delta/arbitraries.ts';

/** A table, and deltas that follow each other from it. */
const history = (
  length: number,
): fc.Arbitrary<{ readonly tables: readonly Keyed<Key, unknown>[]; readonly deltas: readonly Delta<Key, unknown>[] }> =>
  fc.tuple(table(value), fc.array(edits(value), { minLength: length, maxLength: length })).map(([first, all]) => {
    const tables = [first];
    const deltas = all.map((made) => {
      const before = tables.at(-1) ?? first;
      const change = deltaOf(before, made);
      tables.push(before.apply(change));
      return change;
    });
    return { tables, deltas };
  });

const fixed = <T>(items: readonly T[], at: number): T => {
  const item = items[at];
  if (item === undefined) throw new Error(`there is no item ${at}`);
  return item;
};

const versionOf = (change: Delta<Key, unknown>): string =>
  dataVersion(change.changes.map(({ key, old: older, new: newer }) => [key, older, newer]));

/** A set with weights as a Map, zeros left out. */
function weights(...all: readonly Delta<Key, unknown>[]): ReadonlyMap<string, number> {
  const sum = new Map<string, number>();
  for (const [key, row, weight] of all.flatMap((each) => [...each.weighted()])) {
    const id = dataVersion([key, row]);
    sum.set(id, (sum.get(id) ?? 0) + weight);
  }
  return new Map([...sum].filter(([, weight]) => weight !== 0));
}

describe('deltas (I19)', () => {
  test('compose in any grouping to the same', () => {
    fc.assert(
      fc.property(history(3), ({ deltas }) => {
        const [a, b, c] = [fixed(deltas, 0), fixed(deltas, 1), fixed(deltas, 2)];
        expect(versionOf(a.compose(b).compose(c))).toBe(versionOf(a.compose(b.compose(c))));
      }),
    );
  });

  test('have a delta that changes nothing, and one that undoes each', () => {
    fc.assert(
      fc.property(history(1), ({ deltas }) => {
        const a = fixed(deltas, 0);
        expect(versionOf(a.compose(emptyDelta()))).toBe(versionOf(a));
        expect(versionOf(emptyDelta<Key, unknown>().compose(a))).toBe(versionOf(a));
        expect(a.compose(a.invert()).size).toBe(0);
        expect(a.invert().compose(a).size).toBe(0);
        expect(versionOf(a.invert().invert())).toBe(versionOf(a));
      }),
    );
  });

  test('add up as sets with weights do, and the inverse is the negative', () => {
    fc.assert(
      fc.property(history(2), ({ deltas }) => {
        const [a, b] = [fixed(deltas, 0), fixed(deltas, 1)];
        expect(weights(a.compose(b))).toEqual(weights(a, b));
        expect(weights(a, a.invert()).size).toBe(0);
      }),
    );
  });

  test('are consolidated, and consolidating again changes nothing', () => {
    fc.assert(
      fc.property(history(1), ({ tables, deltas }) => {
        const a = fixed(deltas, 0);
        expect(delta(a).changes).toEqual(a.changes);
        expect(new Set(a.changes.map(({ key }) => key)).size).toBe(a.size);
        for (const { old: older, new: newer } of a) expect(dataVersion(older)).not.toBe(dataVersion(newer));
        // Nothing that is added up is ever there more than once, or less than not at all.
        const all = weights(fixed(tables, 0).inserts(), a);
        expect([...all.values()].every((weight) => weight === 1)).toBe(true);
      }),
    );
  });
});

describe('deltas and collections (I20)', () => {
  test('apply gives the new rows, and the inverse the old ones', () => {
    fc.assert(
      fc.property(history(1), ({ tables, deltas }) => {
        const [older, newer, a] = [fixed(tables, 0), fixed(tables, 1), fixed(deltas, 0)];
        expect(newer.apply(a.invert()).version).toBe(older.version);
        expect(a.size === 0).toBe(older.version === newer.version);
        expect(newer === older).toBe(a.size === 0);
      }),
    );
  });

  test('applying one after the other is applying both as one', () => {
    fc.assert(
      fc.property(history(3), ({ tables, deltas }) => {
        const all = deltas.reduce((sum, each) => sum.compose(each));
        expect(fixed(tables, 0).apply(all).version).toBe(fixed(tables, 3).version);
      }),
    );
  });

  test('the difference of two collections leads from one to the other, related or not', () => {
    fc.assert(
      fc.property(history(2), table(value), ({ tables, deltas }, other) => {
        const [first, last] = [fixed(tables, 0), fixed(tables, 2)];
        expect(versionOf(last.diff(first))).toBe(versionOf(deltas.reduce((sum, each) => sum.compose(each))));
        expect(first.apply(other.diff(first)).version).toBe(other.version);
        expect(versionOf(first.diff(other))).toBe(versionOf(other.diff(first).invert()));
        expect(first.diff(keyed([...first])).size).toBe(0);
      }),
    );
  });

  test('an edit is a delete and an insert', () => {
    fc.assert(
      fc.property(history(1), ({ tables, deltas }) => {
        const a = fixed(deltas, 0);
        const apart = delta(
          a.changes.flatMap(({ key, old: older, new: newer }): Change<Key, unknown>[] => [
            { key, old: older },
            { key, new: newer },
          ]),
        );
        expect(versionOf(apart)).toBe(versionOf(a));
        expect(fixed(tables, 0).apply(apart).version).toBe(fixed(tables, 1).version);
      }),
    );
  });
});

describe('delta()', () => {
  test('makes one change a key, in the order of the keys', () => {
    const made = delta<Key, number>([
      { key: 'b', new: 1 },
      { key: 2, old: 1 },
      { key: 'a', old: 1, new: 2 },
      { key: 'b', old: 1, new: 3 },
      { key: 'a', old: 2, new: 1 },
      { key: -0, new: 1 },
      { key: 0, old: 1, new: 4 },
    ]);
    expect(made.changes).toEqual([
      { key: 0, new: 4 },
      { key: 2, old: 1 },
      { key: 'b', new: 3 },
    ]);
    expect([...made]).toEqual(made.changes);
    expect([...delta([{ key: 1, old: 2, new: 3 }]).weighted()]).toEqual([
      [1, 2, -1],
      [1, 3, 1],
    ]);
  });

  test('is frozen, and its rows are', () => {
    const row = { tags: ['a'] };
    const { changes } = delta([{ key: 1, new: row }]);
    expect(Object.isFrozen(changes) && changes.every((each) => Object.isFrozen(each))).toBe(true);
    expect(Object.isFrozen(row.tags)).toBe(true);
  });

  test('refuses changes of a key that do not follow each other', () => {
    const twice = [
      { key: 'a', new: 1 },
      { key: 'a', new: 2 },
    ];
    expect(() => delta(twice)).toThrow(expect.objectContaining({ code: 'DELTA_MISMATCH', details: { key: 'a' } }));
    expect(() => delta([{ key: 'a', new: 1 }]).compose(delta([{ key: 'a', old: 2 }]))).toThrow(
      /under key "a" the row that is there is another one/,
    );
  });

  test('refuses what is no key and no row', () => {
    class Money {}
    expect(() => delta([{ key: 'a', new: { price: new Money() } }])).toThrow(
      expect.objectContaining({ code: 'ROW_NOT_STORABLE', message: expect.stringContaining('what is at $.price is an instance of Money') }),
    );
    // @ts-expect-error what JavaScript users may give
    expect(() => delta([{ key: null, new: 1 }])).toThrow(expect.objectContaining({ code: 'ROW_KEY_INVALID' }));
  });
});
