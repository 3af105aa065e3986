import { describe, expect, test } from 'vitest';
import { fixValue } from '../../../../lib/kernel/value/fix.ts';
import { canonicalBytes, encodeValue } from '../../../../lib/kernel/value/canonical.ts';
import { address, dataVersion } from '../../../../lib/kernel/value/version.ts';

describe('dataVersion', () => {
  test.each<[string, unknown, unknown]>([
    ['-0 and 0', -0, 0],
    ['1n and 1', 1n, 1],
    ['1 and "1"', 1, '1'],
    ['null and undefined', null, undefined],
    ['a key with undefined and none', { a: undefined }, {}],
    ['a Map and an object', new Map([['a', 1]]), { a: 1 }],
    ['a Set and an array', new Set([1]), [1]],
    ['a Date and its number', new Date(5), 5],
    ['an invalid Date and NaN', new Date(NaN), NaN],
    ['kinds of bytes', Uint8Array.of(1), Int8Array.of(1)],
    ['bytes and a list', Uint8Array.of(1), [1]],
    ['bytes and their buffer', Uint8Array.of(1), Uint8Array.of(1).buffer],
    ['a lone surrogate and U+FFFD', '\ud800', '\ufffd'],
    ['two lone surrogates', '\ud800', '\ud801'],
    ['a byte order mark and none', '\ufeffa', 'a'],
    ['keys with lone surrogates', { '\ud800': 1 }, { '\ufffd': 1 }],
    ['a bigint and what is left of it in 64 bits', 2n ** 64n + 1n, 1n],
    ['the order of a list', [1, 2], [2, 1]],
    ['where one list ends', [[1], 2], [[1, 2]]],
  ])('tells apart %s', (_, one, other) => {
    expect(dataVersion(one)).not.toBe(dataVersion(other));
  });

  test('is the hash of the canonical bytes, tagged', () => {
    expect(dataVersion([1, 'a'])).toBe(address(canonicalBytes([1, 'a'])));
    expect(dataVersion('')).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test('is not remembered of what can change', () => {
    const map = new Map([['a', 1]]);
    const value = { map };
    const before = dataVersion(value);
    map.set('a', 2);
    expect(dataVersion(value)).not.toBe(before);
    map.set('a', 1);
    expect(dataVersion(value)).toBe(before);
  });

  test('is remembered of what cannot', () => {
    const value = Array.from({ length: 20_000 }, (_, id) => ({ id, name: `row ${id}` }));
    fixValue(value);
    const version = dataVersion(value);
    const start = performance.now();
    const again = new Set(Array.from({ length: 1_000 }, () => dataVersion(value)));
    expect(again).toEqual(new Set([version]));
    // Encoding it 1,000 times takes ten seconds.
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  test('refuses what cannot be stored', () => {
    expect(() => dataVersion(() => 1)).toThrow('Not a value that can be stored: what is at $ is a function.');
  });
});

test('an address is the hash of the bytes, so of the order that the writer chose', () => {
  expect(address(Buffer.from('abc'))).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(address(encodeValue({ b: 1, a: 1 }))).not.toBe(address(encodeValue({ a: 1, b: 1 })));
});
