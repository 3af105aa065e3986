import { describe, expect, test } from 'vitest';
import { killServices, liveKill } from './live-kill.ts';

const quiet = { tell: () => undefined };

describe('live services that are killed', () => {
  test('leave a log that is the same as if nobody had been killed', async () => {
    const { passed, failures, counts } = await liveKill.run({ count: liveKill.short, seed: 1, ...quiet });
    expect(failures).toEqual([]);
    expect(passed).toBeGreaterThanOrEqual(liveKill.short);
    for (const what of ['killed between epochs', 'killed somewhere', 'killed while it is updated', 'services that are updated'])
      expect(counts[what], what).toBeGreaterThan(0);
  });

  test('are found out where one of them leaves a message out', async () => {
    const { failed, failures } = await killServices({ count: 1, seed: 2, ...quiet }, { skips: true });
    expect(failed).toBe(1);
    expect(failures.join()).toContain('was to be');
  });

  test('are found out where one of them is not updated as it was', async () => {
    const { failures, counts } = await killServices({ count: 4, seed: 1, ...quiet }, { forgets: true });
    expect([failures.length, counts['services that are updated']]).toEqual([1, 1]);
    expect(failures.join()).toContain('was to be');
  });
});
