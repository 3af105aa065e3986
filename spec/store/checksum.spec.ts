import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32Of } from '../../store/checksum.ts';

test('a checksum is the crc32 of its bytes alone, and goes on from that of others', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 200, maxLength: 400 }));
  fc.assert(
    fc.property(bytes, fc.nat(20), fc.nat(20), fc.nat(2 ** 32 - 1), (all, from, less, before) => {
      const start = Math.min(from, all.length);
      const end = Math.max(start, all.length - less);
      // That of node:zlib starts anew where there is no byte.
      const expected = start === end ? before : crc32(all.subarray(start, end), before);
      expect(crc32Of(all, start, end, before) >>> 0).toBe(expected);
    }),
    { numRuns: 500 },
  );
});
