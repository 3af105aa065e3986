import { encode } from 'cborg';
import { expect, test } from 'vitest';
import { CborWriter, Major } from '../../../../lib/kernel/value/cbor-writer.ts';

const written = (write: (out: CborWriter) => void): string => {
  const out = new CborWriter();
  write(out);
  return Buffer.from(out.take()).toString('hex');
};
const byCborg = (value: unknown): string => Buffer.from(encode(value, { float64: true })).toString('hex');

test.each([0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER])(
  'writes %i in as few bytes as it takes',
  (count) => {
    expect(written((out) => out.head(Major.uint, count))).toBe(byCborg(count));
  },
);

test.each([1.5, -1e300, 5e-324, Infinity, NaN])('writes %d as a 64-bit float', (value) => {
  expect(written((out) => out.float(value))).toBe(value !== value ? 'fb7ff8000000000000' : byCborg(value));
});

test('writes every NaN alike', () => {
  const odd = new Float64Array(new BigUint64Array([0xfff8_0000_0000_0007n]).buffer)[0] ?? 0;
  expect(written((out) => out.float(odd))).toBe('fb7ff8000000000000');
});

test.each(['', 'a', 'é', 'a'.repeat(32), 'é'.repeat(300), '😀'])('writes text "%s"', (value) => {
  expect(written((out) => out.text(value))).toBe(byCborg(value));
});

test('leaves no trace of text that it did not take for short', () => {
  expect(written((out) => expect(out.shortText('aé')).toBe(false))).toBe('');
  expect(written((out) => expect(out.shortText('a'.repeat(33))).toBe(false))).toBe('');
  expect(written((out) => expect(out.shortText('ab')).toBe(true))).toBe(byCborg('ab'));
});

test('sorts entries by their bytes, a shorter one before a longer one that it starts', () => {
  const entries = [[2, 1], [], [1], [2], [1, 255], [1]];
  const sorted = written((out) => {
    out.byte(9);
    const starts = entries.map((entry) => {
      const start = out.length;
      for (const byte of entry) out.byte(byte);
      return start;
    });
    out.sort(starts);
  });
  expect(sorted).toBe('09' + '' + '01' + '01' + '01ff' + '02' + '0201');
});

test.each([300, 1_000])('takes %i bytes and not one more', (limit) => {
  const out = new CborWriter(limit);
  // The writer's room doubles: what it has room for must not count as allowed.
  for (let length = 0; length < limit; length++) out.byte(1);
  expect(() => out.byte(1)).toThrow(new RangeError(`The value takes more than ${limit} bytes when encoded.`));
  expect(out.take()).toHaveLength(limit);
});

test('gives its room to another writer only once it is done, and keeps nothing of what was taken', () => {
  const [first, second] = [new CborWriter(), new CborWriter()];
  first.byte(1);
  second.byte(2);
  const taken = first.take();
  const third = new CborWriter();
  third.byte(3);
  second.byte(2);
  expect([taken, second.take(), third.take()].map((bytes) => Buffer.from(bytes).toString('hex'))).toEqual(['01', '0202', '03']);
});
