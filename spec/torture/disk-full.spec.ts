import { expect, test } from 'vitest';
import { diskFull, fillDisks } from './disk-full.ts';

test('on a full disk a store refuses, keeps what it acknowledged, can be read, and goes on when there is room', async () => {
  const { failed, failures, skipped, counts } = await diskFull.run({ count: diskFull.short, seed: 1, tell: () => undefined });
  expect(failures).toEqual([]);
  expect(failed).toBe(0);
  if (skipped > 0) return;
  expect(counts['memory: fill STORE_FULL']).toBeGreaterThan(0);
  expect(counts['ext4: fill STORE_FULL']).toBeGreaterThan(0);
});

test('a process that acknowledges what is refused is found out', async () => {
  const { failed, skipped } = await fillDisks({ count: 2, seed: 1, tell: () => undefined }, { isLiar: true });
  expect(failed + skipped).toBe(2);
});
