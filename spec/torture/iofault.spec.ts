import { expect, test } from 'vitest';
import { failCalls, iofault } from './iofault.ts';
import { lacksStrace } from './strace.ts';

test('whichever call fails that writes or flushes, what was refused is not there, and what was acknowledged is', async () => {
  const { failed, failures, passed, counts, lacks } = await iofault.run({ count: iofault.short, seed: 1, tell: () => undefined });
  expect(failures).toEqual([]);
  expect(failed).toBe(0);
  if (lacks !== undefined) return;
  expect(passed).toBe(iofault.short);
  expect(counts['refused with STORE_IO']).toBeGreaterThan(0);
  expect(counts['refused with STORE_FULL']).toBeGreaterThan(0);
});

test.runIf(lacksStrace() === undefined)('a process that acknowledges what is refused is found out', async () => {
  const { failed } = await failCalls({ count: 6, seed: 1, tell: () => undefined }, { isLiar: true });
  expect(failed).toBeGreaterThan(0);
});

test.runIf(lacksStrace() === undefined)('a process that writes offsets behind the events that they belong to is found out', async () => {
  const { failed } = await failCalls({ count: 24, seed: 1, tell: () => undefined }, { isLiar: false, habit: { splitsOffsets: true } });
  expect(failed).toBeGreaterThan(0);
});
