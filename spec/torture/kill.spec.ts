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
  }, 300_000);

  test('are found out when they say too early that something is there', async () => {
    const { failed, failures } = await killWriters({ count: 6, seed: 2, ...quiet }, { lies: true });
    expect(failed).toBeGreaterThan(0);
    expect(failures.join()).toContain('was acknowledged');
  }, 300_000);
});
