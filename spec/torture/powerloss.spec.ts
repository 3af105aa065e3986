import { expect, test } from 'vitest';
import { losePower, powerloss, REAL } from './powerloss.ts';
import { lacksStrace } from './strace.ts';

const tell = (): void => undefined;
const canTrace = lacksStrace() === undefined;

test('a loss of power takes nothing that was acknowledged, and leaves nothing half', async () => {
  const { failed, failures, passed, counts, lacks } = await powerloss.run({ count: powerloss.short, seed: 1, tell });
  expect(failures).toEqual([]);
  expect(failed).toBe(0);
  if (lacks !== undefined) return;
  expect(passed).toBe(powerloss.short);
  expect(counts['steps: sync']).toBeGreaterThan(50);
  expect(counts['store: whole']).toBeGreaterThan(powerloss.short / 2);
});

test.runIf(canTrace)('on a disk that heeds no flush, most losses of power are found', async () => {
  const count = 30;
  const { failed } = await losePower({ count, seed: 1, tell }, { heedsSyncs: false, keepsNewNames: true });
  expect(failed).toBeGreaterThan(count / 2);
});

test.runIf(canTrace)('offsets that are written behind the events that they belong to are found', async () => {
  const { failures } = await losePower({ count: 100, seed: 1, tell }, REAL, { splitsOffsets: true });
  expect(failures.filter((line) => line.includes('the offset of'))).not.toEqual([]);
});
