import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkKey, compareKeys, pairKey, type Key } from '../../../../lib/kernel/keyed/key.ts';
import { key } from '../../delta/arbitraries.ts';

const anyKey: fc.Arbitrary<Key> = fc.oneof(key, fc.double(), fc.bigInt(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[0-9n:|]*$/));

describe('compareKeys', () => {
  test('calls keys the same iff a Map does', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(compareKeys(a, b) === 0).toBe(new Map([[a, 1]]).has(b));
      }),
    );
  });

  test('is an order: of two keys one comes first, and before what the other comes before', () => {
    fc.assert(
      fc.property(anyKey, anyKey, anyKey, (a, b, c) => {
        expect(Math.sign(compareKeys(a, b))).toBe(0 - Math.sign(compareKeys(b, a)));
        const isChain = compareKeys(a, b) <= 0 && compareKeys(b, c) <= 0;
        expect(isChain && compareKeys(a, c) > 0).toBe(false);
      }),
    );
  });

  test('puts numbers before bigints before strings, and NaN behind all numbers', () => {
    const mixed: Key[] = ['b', 2n, 'B', NaN, 10, '', -1n, Infinity, 9, -Infinity];
    expect(mixed.sort(compareKeys)).toEqual([-Infinity, 9, 10, Infinity, NaN, -1n, 2n, '', 'B', 'b']);
  });
});

describe('pairKey', () => {
  test('is different for different pairs, also of pairs', () => {
    fc.assert(
      fc.property(anyKey, anyKey, anyKey, anyKey, (a, b, c, d) => {
        const same = compareKeys(a, c) === 0 && compareKeys(b, d) === 0;
        expect(pairKey(a, b) === pairKey(c, d)).toBe(same);
        expect(pairKey(pairKey(a, b), c) === pairKey(a, pairKey(b, c))).toBe(false);
      }),
    );
  });

  test('can be read', () => {
    expect(pairKey('ann', 7)).toBe('3:ann|7');
    expect(pairKey(7n, pairKey('ann', NaN))).toBe('7n|9:3:ann|NaN');
  });

  test('grows with its parts alone, however deep pairs are in pairs', () => {
    let nested: Key = 'a"\\';
    for (let depth = 0; depth < 50; depth += 1) nested = pairKey(nested, 1);
    expect(nested.length).toBeLessThan(50 * 7);
  });
});

describe('checkKey', () => {
  test('makes -0 the 0 that it is equal to, and leaves all else', () => {
    expect(checkKey(-0, 'x')).toBe(0);
    for (const same of [NaN, 1, 1n, '', 'a']) expect(checkKey(same, 'x')).toBe(same);
  });

  test.each([null, undefined, true, {}, [1], Symbol('a')])('refuses %o', (wrong) => {
    // @ts-expect-error what JavaScript users may give
    expect(() => checkKey(wrong, 'groupBy()')).toThrow(/^groupBy\(\) gave .* as a key. Keys are strings, numbers or bigints/);
  });
});
