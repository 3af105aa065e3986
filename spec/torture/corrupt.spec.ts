import { expect, test } from 'vitest';
import { corrupt, damageFiles } from './corrupt.ts';

test('whatever happens to its file, a store gives what was written or a coded error, and a verification finds it', async () => {
  const { failed, failures, passed, counts } = await corrupt.run({ count: corrupt.short, seed: 1, tell: () => undefined });
  expect(failures).toEqual([]);
  expect(failed).toBe(0);
  expect(passed).toBe(corrupt.short);
  expect(counts['check: finds it']).toBeGreaterThan(corrupt.short / 4);
  expect(counts['answers refused']).toBeGreaterThan(0);
});

test('a verification that finds nothing is found out', async () => {
  const { failed } = await damageFiles({ count: 20, seed: 1, tell: () => undefined }, { isBlind: true });
  expect(failed).toBeGreaterThan(5);
});
