import { expect, test } from 'vitest';
import { assetKey } from '../../../lib/model/asset-key.ts';
import { Intake, type EpochPolicy, type Item, type Overflow, type Pushed } from '../../../operators/live/intake.ts';
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

test('an epoch of so many items is of so many, also where the first of them came while only repeated ones were there to be taken', () => {
  const key = assetKey('x', 'a test');
  const item = (value: number): Item => ({ key, value, offset: undefined, settle: () => undefined, fail: () => undefined });
  const intake = new Intake({
    policy: { items: 2 },
    queues: new Map(),
    fallback: { capacity: 10, overflow: 'error' },
    timer: manualClock().timer,
    onReady: () => undefined,
    isRepeat: ({ value }) => Number(value) <= 0,
  });
  intake.add(item(0));
  expect(intake.ready).toBe(true);
  intake.add(item(1));
  expect(intake.take().map(({ value }) => value)).toEqual([0]);
  expect(intake.ready).toBe(false);
  intake.add(item(-1));
  intake.add(item(2));
  expect(intake.take().map(({ value }) => value)).toEqual([1, -1, 2]);
  expect(intake.waiting).toBe(0);
});

// Found by the law of killed services: the new item was in an epoch of its own after a crash, and not without it.
test('what came before is taken at once, and nothing that came behind it before it was taken', () => {
  const key = assetKey('x', 'a test');
  const intake = new Intake({
    policy: { items: 2 },
    queues: new Map(),
    fallback: { capacity: 10, overflow: 'error' },
    timer: manualClock().timer,
    onReady: () => undefined,
    isRepeat: ({ value }) => Number(value) < 3,
  });
  const add = (value: number): void => intake.add({ key, value, offset: undefined, settle: () => undefined, fail: () => undefined });
  const taken = (): readonly unknown[] => intake.take().map(({ value }) => value);
  for (const value of [1, 2]) add(value);
  expect(intake.ready).toBe(true);
  add(3);
  expect([taken(), intake.ready]).toEqual([[1, 2], false]);
  add(4);
  expect([intake.ready, taken()]).toEqual([true, [3, 4]]);
});

test('a source that has no more room makes an epoch due where it could wait for ever, and nowhere else', () => {
  const key = assetKey('x', 'a test');
  const isDue = (policy: EpochPolicy, overflow: Overflow): boolean => {
    const { timer } = manualClock();
    const intake = new Intake({ policy, queues: new Map(), fallback: { capacity: 2, overflow }, timer, onReady: () => undefined });
    const add = (value: number): void => intake.add({ key, value, offset: undefined, settle: () => undefined, fail: () => undefined });
    add(1);
    expect(intake.ready).toBe(false);
    add(2);
    const { ready } = intake;
    if (overflow !== 'block') add(3);
    expect(intake.ready).toBe(ready);
    expect(ready ? intake.take().length : 2).toBe(2);
    expect(intake.ready).toBe(false);
    return ready;
  };
  for (const overflow of ['block', 'error', 'dropOldest', 'conflate'] as const) {
    expect(isDue({ items: 3 }, overflow), overflow).toBe(overflow !== 'conflate');
    for (const policy of [{ marks: true }, { items: 3, marks: true }, { ms: 5 }] as const)
      expect(isDue(policy, overflow), overflow).toBe(overflow === 'block');
  }
});

test('where all that waits is taken out, what comes next is as the first: neither due at once, nor sooner than its time', () => {
  const key = assetKey('x', 'a test');
  const outs: readonly ((intake: Intake, reader: object) => unknown)[] = [
    (intake) => intake.without(() => true),
    (intake, reader) => intake.withdraw(reader),
  ];
  for (const takeOut of outs) {
    const clock = manualClock();
    const reader = {};
    const intake = new Intake({
      policy: { items: 3, ms: 10 },
      queues: new Map(),
      fallback: { capacity: 10, overflow: 'error' },
      timer: clock.timer,
      onReady: () => undefined,
    });
    const add = (): void => intake.add({ key, value: 1, offset: undefined, settle: () => undefined, fail: () => undefined, reader });
    add();
    clock.advance(10);
    expect(intake.ready).toBe(true);
    takeOut(intake, reader);
    add();
    expect(intake.ready).toBe(false);
    clock.advance(6);
    takeOut(intake, reader);
    expect(clock.waiting()).toBe(0);
    add();
    clock.advance(6);
    expect([intake.ready, intake.waiting]).toEqual([false, 1]);
    clock.advance(4);
    expect(intake.ready).toBe(true);
  }
});
