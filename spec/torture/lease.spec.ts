import { describe, expect, test } from 'vitest';
import type { LoggedEvent } from '../../lib/events/logged-event.ts';
import { atPosition } from '../../lib/events/logged-event.ts';
import { logLine } from '../kit/sample-events.ts';
import { LeaseLog } from './lease-log.ts';
import { contend, lease } from './lease.ts';

const quiet = { tell: () => undefined };
const linux = process.platform === 'linux';

const logOf = (...stamps: readonly string[]): readonly LoggedEvent[] =>
  stamps.map((message, at) => atPosition(logLine({ message }), at + 1, 1));

function problemsOf(...stamps: readonly string[]): readonly string[] {
  const log = new LeaseLog();
  log.check(logOf(...stamps));
  return log.problems;
}

describe('writers that want one store', () => {
  test.runIf(linux)('write one after the other, and nothing once another one has the lease', async () => {
    const { passed, failures, counts } = await lease.run({ count: lease.short, seed: 1, ...quiet });
    expect(failures).toEqual([]);
    expect(passed).toBe(lease.short);
    for (const what of ['acknowledged', 'leases taken from sleepers', 'sleepers told', 'stops'])
      expect(counts[what], what).toBeGreaterThan(0);
  });

  test.runIf(linux)('are found out when they go on all the same', async () => {
    const { failures } = await contend({ count: 6, seed: 1, ...quiet }, { blind: true });
    expect(failures.join()).toContain('under epoch');
  });

  test('are told apart by their stamps', () => {
    expect(problemsOf('1/a', '1/a', '2/b', '4/c')).toEqual([]);
    expect(problemsOf('1/a', '2/b', '1/a')).toHaveLength(1);
    expect(problemsOf('1/a', '2/b', '3/a')).toHaveLength(1);
    expect(problemsOf('1/a', '1/b')).toHaveLength(1);
  });
});
