import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalBytes } from '../../../../lib/kernel/value/canonical.ts';
import { DeltaError } from '../../../../lib/kernel/errors.ts';
import { delta } from '../../../../lib/kernel/keyed/delta.ts';
import { compareKeys, type Key } from '../../../../lib/kernel/keyed/key.ts';
import { emptyKeyed, keyed, type Keyed } from '../../../../lib/kernel/keyed/keyed.ts';
import { deltaOf, edits, key, table, value } from '../../delta/arbitraries.ts';

/** The version as it is defined, with integers that cannot overflow. */
function scratchVersion(rows: Iterable<readonly [Key, unknown]>): string {
  let sum = 0n;
  for (const entry of rows) {
    const digits = hash('sha256', canonicalBytes([...entry])).slice(0, 32);
    const lanes = [0, 8, 16, 24].map((from) => BigInt(`0x${digits.slice(from, from + 8)}`));
    sum += lanes.reduceRight((all, lane) => (all << 32n) | lane, 0n);
  }
  return `keyed:${(sum % 2n ** 128n).toString(16).padStart(32, '0')}`;
}

function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error instanceof DeltaError ? error.code : error;
  }
}

describe('keyed rows', () => {
  test('are what a Map of them is, in the order of the keys', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 40 }), fc.array(key), (pairs, others) => {
        const map = new Map(pairs);
        const rows = keyed(map);
        expect(rows.size).toBe(map.size);
        expect([...rows]).toStrictEqual([...map].sort(([a], [b]) => compareKeys(a, b)));
        expect([...rows.keys()]).toEqual([...rows].map(([at]) => at));
        expect([...rows.values()]).toEqual([...rows].map(([, row]) => row));
        for (const at of [...map.keys(), ...others]) {
          expect(rows.has(at)).toBe(map.has(at));
          expect(rows.get(at)).toBe(map.get(at));
        }
      }),
    );
  });

  test('are frozen, deeply', () => {
    const row = { tags: ['a'] };
    const rows = keyed([[1, row]]);
    expect(rows.get(1)).toBe(row);
    expect(Object.isFrozen(row) && Object.isFrozen(row.tags)).toBe(true);
  });

  test('are the same object where nothing changes', () => {
    const rows = keyed([[1, 'a']]);
    expect(keyed(rows)).toBe(rows);
    expect(rows.apply(delta([]))).toBe(rows);
    expect(keyed([])).toHaveProperty('size', 0);
  });

  test('stay what they were after newer ones were made, also when a delta does not fit', () => {
    fc.assert(
      fc.property(table(value), fc.array(edits(value), { maxLength: 4 }), (first, all) => {
        const seen: [Keyed<Key, unknown>, unknown[], string][] = [];
        let now = first;
        for (const made of all) {
          seen.push([now, [...now], scratchVersion(now)]);
          const next = now.apply(deltaOf(now, made));
          const change = next.diff(now);
          const again = (): unknown => next.apply(change);
          expect(change.size === 0 ? 'nothing to apply' : codeOf(again)).toBe(change.size === 0 ? 'nothing to apply' : 'DELTA_MISMATCH');
          now = next;
        }
        for (const [rows, entries, version] of seen) {
          expect([...rows]).toStrictEqual(entries);
          expect(rows.version).toBe(version);
        }
      }),
    );
  });

  test.each<[string, { key: Key; old?: number; new?: number }, RegExp]>([
    [
      'an insert where there is a row',
      { key: 1, new: 2 },
      /under key 1 there is a row, and the delta starts from no row\. Apply deltas in the order/,
    ],
    ['a delete where there is none', { key: 2, old: 1 }, /under key 2 there is no row, and the delta starts from a row/],
    ['an edit of another row', { key: 1, old: 7, new: 8 }, /under key 1 the row that is there is another one/],
  ])('refuse %s', (_, change, message) => {
    expect(() => keyed<Key, number>([[1, 1]]).apply(delta([change]))).toThrow(message);
  });
});

describe('keyed()', () => {
  test('refuses a second row under a key, as keys are compared', () => {
    for (const [one, other] of [
      ['a', 'a'],
      [NaN, NaN],
      [0, -0],
    ] as const) {
      expect(() =>
        keyed<Key, number>([
          [one, 1],
          ['z', 1],
          [other, 2],
        ]),
      ).toThrow(expect.objectContaining({ code: 'ROW_KEY_REPEATED' }));
    }
    expect(
      keyed<Key, number>([
        [1, 1],
        [1n, 2],
        ['1', 3],
      ]).size,
    ).toBe(3);
  });

  test('refuses what is no key and no row', () => {
    // @ts-expect-error what JavaScript users may give
    expect(() => keyed([[{}, 1]])).toThrow('keyed() gave an object as a key.');
    expect(() => keyed([['a', undefined]])).toThrow(
      /keyed\(\) gave a row for key "a" that cannot be kept: it is undefined, which stands for no row/,
    );
    expect(() => keyed([['a', [() => 1]]])).toThrow(/what is at \$\[0\] is a function/);
  });
});

describe('the version (I21)', () => {
  test('kept up by deltas is the one from scratch, and tells rows apart', () => {
    fc.assert(
      fc.property(table(value, 60), fc.array(fc.tuple(edits(value), fc.boolean()), { maxLength: 5 }), (first, all) => {
        let now = first;
        for (const [made, isAsked] of all) {
          const before = now;
          const version = isAsked ? now.version : scratchVersion(now);
          expect(version).toBe(scratchVersion(now));
          now = now.apply(deltaOf(now, made));
          expect(now.version === before.version).toBe(now.diff(before).size === 0);
        }
        expect(now.version).toBe(scratchVersion(now));
        expect(now.version).toBe(keyed([...now].reverse()).version);
      }),
    );
  });

  test('of no rows is zero', () => {
    expect(emptyKeyed().version).toBe(`keyed:${'0'.repeat(32)}`);
  });

  test('tells apart keys and rows that look alike', () => {
    const alike: readonly (readonly [Key, unknown])[] = [
      [1, 0],
      [1n, 0],
      ['1', 0],
      [1, -0],
      [1, 0n],
      [1, '0'],
      [1, null],
      [1, [0]],
      [1, new Date(0)],
      [1, new Date(1)],
      [0, 1],
      [NaN, 0],
      ['NaN', 0],
    ];
    expect(new Set(alike.map((entry) => keyed([entry]).version)).size).toBe(alike.length);
  });

  test('is that of what was given, where it could be changed later', () => {
    const when = new Date(0);
    const rows = keyed([['a', { when }]]);
    const applied = emptyKeyed<string, { when: Date }>().apply(delta([{ key: 'a', new: { when } }]));
    when.setTime(1);
    expect(rows.version).toBe(keyed([['a', { when: new Date(0) }]]).version);
    expect(applied.version).toBe(rows.version);
  });
});
