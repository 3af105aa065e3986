import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assetKey, keyParts, MAX_KEY_PART_BYTES } from '../../../lib/model/asset-key.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const part = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 300 })
  .filter((text) => !text.includes('/') && Buffer.byteLength(text) <= MAX_KEY_PART_BYTES);

describe('an asset key', () => {
  test('is the same whether it is written printed or as parts', () => {
    expect(assetKey('a/b/c', 'here')).toBe('a/b/c');
    expect(assetKey(['a', 'b', 'c'], 'here')).toBe('a/b/c');
    expect(keyParts(assetKey('a/b/c', 'here'))).toEqual(['a', 'b', 'c']);
  });

  test('makes the round trip from parts to print and back', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const key = assetKey(parts, 'here');
        expect(keyParts(key)).toEqual(parts);
        expect(assetKey(key, 'here')).toBe(key);
        expect(assetKey(keyParts(key), 'here')).toBe(key);
      }),
    );
  });

  test('is never the print of two different lists of parts', () => {
    const parts = fc.array(part, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(assetKey(a, 'a') === assetKey(b, 'b')).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  test.each(['🦊', 'a b', '.', '..', '__proto__', 'constructor', 'toString', 'then', 'a:b', 'a\\b', 'é', '\u0000', '%2F', '*'])(
    'may be %j',
    (key) => {
      expect(assetKey(key, 'here')).toBe(key);
      expect(assetKey(['x', key], 'here')).toBe(`x/${key}`);
    },
  );

  test('counts bytes of UTF-8, not characters', () => {
    expect(assetKey('a'.repeat(1000), 'here')).toHaveLength(1000);
    expect(assetKey('🦊'.repeat(250), 'here')).toHaveLength(500);
    expectRefusal(() => assetKey('a'.repeat(1001), 'here'), 'INVALID_KEY', 'is longer than 1000 bytes', 'here');
    expectRefusal(() => assetKey(`${'🦊'.repeat(250)}a`, 'here'), 'INVALID_KEY', 'is longer than 1000 bytes');
    // Every part has the whole length to itself.
    expect(assetKey(['a'.repeat(1000), 'b'.repeat(1000)], 'here')).toHaveLength(2001);
  });

  test.each([
    ['empty', '', 'one part is empty'],
    ['one that starts with "/"', '/a', 'one part is empty'],
    ['one that ends with "/"', 'a/', 'one part is empty'],
    ['one with "//"', 'a//b', 'one part is empty'],
    ['an empty list', [], 'it is an empty list'],
    ['a list with an empty part', ['a', ''], 'one part is empty'],
    ['a list with a part that holds "/"', ['a/b'], 'the part "a/b" holds "/"'],
    ['a list in a list', [['a']], 'one part is an array'],
    ['a number', 5, 'it is a number'],
    ['null', null, 'it is null'],
  ])('is refused when it is %s, with the reason, the place and the right form', (_, key, reason) => {
    expectRefusal(
      () => untyped(assetKey)(key, 'input "x" of definition "d"'),
      'INVALID_KEY',
      reason,
      'for input "x" of definition "d"',
      `('a/b')`,
      `(['a', 'b'])`,
    );
  });

  test('a key in a message is cut before it fills the screen', () => {
    expect(expectRefusal(() => assetKey('x'.repeat(5000), 'here'), 'INVALID_KEY').message.length).toBeLessThan(300);
  });
});
