import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteSpace } from '../../store/byte-space.ts';

const length = fc.oneof(fc.nat(300), fc.nat(70_000), fc.constantFrom(0, 2 ** 16, 2 ** 16 + 1, 2 ** 20 + 1));

test('keys and rows in a space are as long as was asked for, and no byte is in two of them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), length), { maxLength: 60 }), (lengths) => {
      const shared = new ByteSpace();
      const taken = lengths.map(([key, row]) => shared.take(key, row));
      for (const [index, { space, start, row, end }] of taken.entries()) space.fill(index + 1, start, row).fill(index + 101, row, end);
      for (const [index, { space, start, row, end }] of taken.entries()) {
        expect([row - start, end - row]).toEqual(lengths[index]);
        expect(space.subarray(start, row).every((byte) => byte === index + 1)).toBe(true);
        expect(space.subarray(row, end).every((byte) => byte === index + 101)).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

test('what is long has a space to itself, and others go on in theirs', () => {
  const shared = new ByteSpace();
  const [before, long, after] = [shared.take(4, 6), shared.take(4, 99_996), shared.take(4, 6)];
  expect(long.space).toHaveLength(100_000);
  expect(after.space).toBe(before.space);
});
