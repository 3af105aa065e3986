import { describe, expect, test } from 'vitest';
import { killTails, tail } from './tail.ts';

const quiet = { tell: () => undefined };

describe('tails of a store whose writers take turns', () => {
  test('see every event in order, whoever is killed', async () => {
    const { passed, failures, counts } = await tail.run({ count: tail.short, seed: 1, ...quiet });
    expect(failures).toEqual([]);
    expect(passed).toBe(tail.short);
    for (const what of ['writers killed', 'tails killed', 'leases', 'seen']) expect(counts[what], what).toBeGreaterThan(0);
  });

  test('are found out when they leave an event out', async () => {
    const { failures } = await killTails({ count: 20, seed: 1, ...quiet }, { skips: true });
    expect(failures.join()).toMatch(/saw \d+ after \d+/);
  });
});
