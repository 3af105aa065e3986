import { describe, expect, test } from 'vitest';
import { soak, soakService } from './soak.ts';

const quiet = { tell: () => undefined };

describe('a live service of many epochs', () => {
  test('holds no more at its end than at its beginning, and applies each item once', async () => {
    const { passed, failures, counts } = await soak.run({ count: soak.short, seed: 1, ...quiet });
    expect(failures).toEqual([]);
    expect(passed).toBe(soak.short);
    expect(counts['epochs']).toBeGreaterThanOrEqual(soak.short);
  });

  test('is found out where it keeps two thousand bytes of each epoch', async () => {
    const { failures } = await soakService({ count: soak.short, seed: 1, ...quiet }, { leak: 2000 });
    expect(failures.join()).toMatch(/the heap grew by [1-3]\d{3}\.\d bytes an epoch/);
  });

  test('notices a store that keeps every version', async () => {
    const { failures } = await soakService({ count: 8000, seed: 1, ...quiet }, { versions: 1_000_000 });
    expect(failures.join()).toMatch(/the store kept \d+ values/);
  });
});
