import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { canonicalBytes } from '../../../../lib/kernel/value/canonical.ts';
import { sameValue } from '../../../../lib/kernel/keyed/same-value.ts';
import { value } from '../../delta/arbitraries.ts';

const nested = fc.oneof(value, fc.array(value, { maxLength: 2 }), fc.dictionary(fc.constantFrom('x', 'y'), value, { maxKeys: 2 }));

test('values are the same iff they have the same canonical bytes', () => {
  fc.assert(
    fc.property(nested, nested, (a, b) => {
      expect(sameValue(a, b)).toBe(Buffer.compare(canonicalBytes(a), canonicalBytes(b)) === 0);
    }),
    { numRuns: 1000 },
  );
});

test('a copy is the same, with its keys in another order too', () => {
  fc.assert(
    fc.property(nested, (a) => {
      expect(sameValue(a, structuredClone(a))).toBe(true);
    }),
  );
  expect(sameValue({ a: 1, b: [{ c: 2, d: NaN }] }, { b: [{ d: NaN, c: 2 }], a: 1 })).toBe(true);
});

test.each<[string, unknown, unknown]>([
  ['-0 and 0', { a: -0 }, { a: 0 }],
  ['undefined and no key', { a: undefined }, { b: undefined }],
  ['1 and 1n', [1], [1n]],
  ['an array and what looks like it', [1], { 0: 1 }],
  ['kinds of bytes', Uint8Array.of(1), Int8Array.of(1)],
  ['dates', new Date(0), new Date(1)],
  ['a key of the prototype and none', { toString: undefined }, { a: undefined }],
])('tells apart %s', (_, a, b) => {
  expect(sameValue(a, b)).toBe(false);
  expect(sameValue(b, a)).toBe(false);
});

test('looks no further than the first difference, and not into parts that are one object', () => {
  const part = { deep: [1, 2, 3] };
  const read = vi.spyOn(part, 'deep', 'get');
  expect(sameValue({ a: part, b: 1 }, { a: part, b: 1 })).toBe(true);
  expect(sameValue({ a: 1, b: part }, { a: 2, b: { deep: [] } })).toBe(false);
  expect(read).not.toHaveBeenCalled();
});
