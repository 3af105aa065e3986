import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acceptBatch } from '../../lib/events/accept-batch.ts';
import { LARGEST_WHOLE } from '../../store/chunks.ts';
import { openStore } from '../../store/index.ts';
import { sampleValue } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';

const { address: good } = sampleValue(1);

/** A good address with something at one place of it taken out or put in. */
const almost = fc
  .record({
    at: fc.nat(good.length),
    taken: fc.nat(2),
    put: fc.oneof(fc.constantFrom('', '0', 'A', 'g', ':', 'İ', '\u0130a', '\ud83d'), fc.string({ maxLength: 2 })),
  })
  .map(({ at, taken, put }) => good.slice(0, at) + put + good.slice(at + taken));

test('an address is refused where it is on every other store, however large its value is', async () => {
  const store = await openStore(await newFolder());
  await fc.assert(
    fc.asyncProperty(fc.oneof(almost, fc.string(), fc.constant(good)), fc.constantFrom(1, LARGEST_WHOLE + 1), async (address, length) => {
      const batch = { events: [], values: [{ address, bytes: new Uint8Array(length) }] };
      const isAccepted = await store.port.append(batch).then(
        () => true,
        (error: unknown) => {
          expect(String(error)).toContain('a value is stored under the sha256 of its bytes');
          return false;
        },
      );
      expect(isAccepted).toBe(isFine(() => acceptBatch(batch)));
    }),
    { numRuns: 300 },
  );
  await store.close();
});

function isFine(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
