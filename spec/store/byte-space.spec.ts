import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteSpace } from '../../store/byte-space.ts';

const length = fc.oneof(fc.nat(300), fc.nat(70_000), fc.constantFrom(0, 2 ** 16, 2 ** 16 + 1, 2 ** 20 + 1));

test('stretches of a space are as long as was asked for, and no byte is in two of them', () => {
  fc.assert(
    fc.property(fc.array(length, { maxLength: 60 }), (lengths) => {
      const shared = new ByteSpace();
      const taken = lengths.map((bytes) => shared.take(bytes));
      for (const [index, { space, start, end }] of taken.entries()) space.fill(index + 1, start, end);
      for (const [index, { space, start, end }] of taken.entries()) {
        const bytes = space.subarray(start, end);
        expect(bytes).toHaveLength(lengths[index] ?? -1);
        expect(bytes.every((byte) => byte === index + 1)).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

test('what is long has a space to itself, and others go on in theirs', () => {
  const shared = new ByteSpace();
  const [before, long, after] = [shared.take(10), shared.take(100_000), shared.take(10)];
  expect(long.space).toHaveLength(100_000);
  expect(after.space).toBe(before.space);
});
