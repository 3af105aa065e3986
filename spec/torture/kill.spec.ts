import { describe, expect, test } from 'vitest';
import { kill, killWriters } from './kill.ts';

const quiet = { tell: () => undefined };
const linux = process.platform === 'linux';

describe('writers that are killed', () => {
  test('leave all that was acknowledged, and nothing by half', async () => {
    const { passed, failures, counts } = await kill.run({ count: kill.short, seed: 1, ...quiet });
    expect(failures).toEqual([]);
    expect(passed).toBeGreaterThanOrEqual(kill.short);
    const happened = ['acknowledged', 'written again', 'refused', 'verified', 'killed while opening', 'killed while writing'];
    for (const what of linux ? [...happened, 'killed inside a transaction'] : happened) expect(counts[what], what).toBeGreaterThan(0);
  });

  test('are found out when they say too early that something is there', async () => {
    let found = '';
    // When a kill comes is up to the machine: some come when nothing has been said too early, or something else has gone wrong by then.
    for (let seed = 2; seed < 12 && !found.includes('was acknowledged'); seed += 1)
      found += (await killWriters({ count: 6, seed, ...quiet }, { lies: true })).failures.join();
    expect(found).toContain('was acknowledged');
  });
});
