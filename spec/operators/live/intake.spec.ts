import { expect, test } from 'vitest';
import { assetKey } from '../../../lib/model/asset-key.ts';
import { Intake, type Pushed } from '../../../operators/live/intake.ts';
import { manualClock } from '../rig/manual-clock.ts';

// Each of them took a walk over all that were dropped before: as many steps as would take minutes.
test('what drops its oldest items keeps none of them, however long nobody takes an epoch', () => {
  const [hot, cold] = [assetKey('hot', 'a test'), assetKey('cold', 'a test')];
  const outcomes = new Map<string, number>();
  const intake = new Intake({
    policy: { marks: true },
    queues: new Map(),
    fallback: { capacity: 2, overflow: 'dropOldest' },
    timer: manualClock().timer,
    onReady: () => undefined,
  });
  const settle = ({ outcome }: Pushed): unknown => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const add = (key: typeof hot, value: number): void => intake.add({ key, value, offset: undefined, settle, fail: () => undefined });
  add(cold, -1);
  for (let value = 0; value < 300_000; value += 1) add(hot, value);
  expect(outcomes).toEqual(new Map([['dropped', 299_998]]));
  expect(intake.waiting).toBe(3);
  intake.mark();
  expect(intake.take().map(({ value }) => value)).toEqual([-1, 299_998, 299_999]);
});
