import { describe, expect, test } from 'vitest';
import { endOfEpoch, feed, live, type EpochPolicy } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { brief, chain, pair, seenOf } from '../rig/live-rig.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ready, until } from '../rig/deferred.ts';

/** A service whose source has a value, what its epochs were, and its clock. */
async function started(epochs?: EpochPolicy) {
  const clock = manualClock();
  const store = memoryStore();
  await store.put('x', 0);
  const service = await live(chain(), { store, clock, ...(epochs !== undefined && { epochs }) });
  const seen = seenOf(service.epochs({ at: 'settled' }));
  await service.settled();
  return { service, seen, clock, store };
}

const items = (reports: Parameters<typeof brief>[0]): readonly number[] => reports.map((report) => report.items);

describe('when an epoch begins', () => {
  test('where nothing is said, each item is one', async () => {
    const { service, seen } = await started();
    await Promise.all([1, 2, 3].map((n) => service.push('x', n)));
    expect(brief(seen)).toEqual(['start 0: double say', 'items 1: double say', 'items 1: double say', 'items 1: double say']);
    await service.close();
  });

  test('after so many items, and no more than so many are in one', async () => {
    const { service, seen } = await started({ items: 3 });
    const pushed = [1, 2, 3, 4, 5, 6, 7].map((n) => service.push('x', n));
    await Promise.all(pushed.slice(0, 6));
    expect(items(seen)).toEqual([0, 3, 3]);
    await service.settled();
    expect(items(seen)).toEqual([0, 3, 3, 1]);
    expect((await service.current('doubled'))?.state).toBe('value');
    await service.close();
  });

  test('some time after the first item that waits, by the clock that was given', async () => {
    const { service, seen, clock } = await started({ ms: 100 });
    const pushed = [1, 2].map((n) => service.push('x', n));
    clock.advance(60);
    const later = service.push('x', 3);
    clock.advance(39);
    await ready();
    expect(items(seen)).toEqual([0]);
    clock.advance(1);
    await Promise.all([...pushed, later]);
    expect(items(seen)).toEqual([0, 3]);
    const next = service.push('x', 4);
    await ready();
    expect(items(seen)).toEqual([0, 3]);
    clock.advance(100);
    await next;
    await service.close();
    expect(clock.waiting()).toBe(0);
  });

  test('at a mark: what came before it is one epoch, what came after is not in it', async () => {
    const { service, seen } = await started({ marks: true });
    const first = [1, 2, 3].map((n) => service.push('x', n));
    service.mark();
    const second = service.push('x', 4);
    await Promise.all(first);
    await ready();
    expect(items(seen)).toEqual([0, 3]);
    service.mark();
    expect(await second).toEqual({ outcome: 'applied', epoch: 2, position: expect.any(Number) });
    service.mark();
    await service.settled();
    expect(items(seen)).toEqual([0, 3, 1]);
    await service.close();
  });

  test('at the earliest of several that are given', async () => {
    const { service, seen, clock } = await started({ items: 2, ms: 50, marks: true });
    await Promise.all([service.push('x', 1), service.push('x', 2)]);
    const alone = service.push('x', 3);
    service.mark();
    await alone;
    const late = service.push('x', 4);
    await ready();
    expect(items(seen)).toEqual([0, 2, 1]);
    clock.advance(50);
    await late;
    expect(items(seen)).toEqual([0, 2, 1, 1]);
    await service.close();
  });

  test('a feed marks with endOfEpoch, and what a mark splits stays split however late it is taken', async () => {
    const store = memoryStore();
    const origin = [1, 2, endOfEpoch, 3, endOfEpoch, endOfEpoch, 4, 5, 6, endOfEpoch] as const;
    const service = await live(pair(), {
      store,
      sources: { a: feed<number>({ from: origin, initial: 0 }), b: feed<number>({ initial: 0 }) },
      epochs: { marks: true },
      closeWhenDone: true,
    });
    const seen = seenOf(service.epochs());
    await service.closed;
    expect(items(seen)).toEqual([0, 2, 1, 3]);
    expect(await store.value('sum')).toBe(6);
  });

  test('a source that blocks and has no more room ends an epoch: a mark that is behind what waits could not come', async () => {
    const store = memoryStore();
    const origin = [1, 2, 3, 4, endOfEpoch] as const;
    const service = await live(pair(), {
      store,
      sources: { a: feed<number>({ from: origin, initial: 0, capacity: 2 }), b: feed<number>({ initial: 0 }) },
      epochs: { marks: true },
      closeWhenDone: true,
    });
    const seen = seenOf(service.epochs());
    await service.closed;
    expect(items(seen)).toEqual([0, 2, 2]);
  });

  test('several items of a source in one epoch: its value is the last one, and observers see one change', async () => {
    const { service, store } = await started({ marks: true });
    const values = seenOf(service.changes('doubled'));
    const pushed = [5, 6, 7].map((n) => service.push('x', n));
    service.mark();
    await Promise.all(pushed);
    await until(() => values.length > 0);
    expect(values.map((change) => change.state === 'value' && change.value)).toEqual([14]);
    expect(await store.value('x')).toBe(7);
    await service.close();
  });

  test('an equal value is an item of an epoch that runs and records nothing', async () => {
    const { service, seen, store } = await started();
    await service.push('x', 1);
    const head = await store.port.head();
    expect((await service.push('x', 1)).outcome).toBe('applied');
    expect(await store.port.head()).toBe(head);
    expect(brief(seen).at(-1)).toBe('items 1:');
    await service.close();
  });
});

describe('items that came before', () => {
  test('do not count where an epoch is so many items: else it would be another epoch after a crash', async () => {
    const store = memoryStore();
    await store.put('a', 0);
    await store.put('b', 0);
    const service = await live(pair(), { store, epochs: { items: 2 } });
    const seen = seenOf(service.epochs());
    await service.settled();
    const outcomes = await Promise.all(['1', '2', '2', '1', '3', '3', '4'].map((offset) => service.push('a', Number(offset), { offset })));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'applied', 'applied', 'duplicate', 'duplicate', 'applied', 'duplicate', 'applied',
    ]); // prettier-ignore
    expect(items(seen)).toEqual([0, 2, 2]);
    await service.close();
  });

  test('are told at once where nothing else waits', async () => {
    const store = memoryStore();
    await store.put('a', 0);
    await store.put('b', 0);
    const service = await live(pair(), { store, epochs: { items: 2 } });
    await Promise.all([service.push('a', 1, { offset: '1' }), service.push('a', 2, { offset: '2' })]);
    expect((await service.push('a', 2, { offset: '2' })).outcome).toBe('duplicate');
    await service.close();
  });
});

describe('settled() and durable()', () => {
  test('take what waits, however the epoch policy would have it wait', async () => {
    const { service, store } = await started({ marks: true });
    void service.push('x', 21);
    const position = await service.durable();
    expect(await store.value('doubled')).toBe(42);
    expect(position).toBe(await store.port.head());
    await service.close();
  });

  test('end an epoch: what comes behind them waits for the policy', async () => {
    const { service, seen } = await started({ marks: true });
    void service.push('x', 1);
    const settled = service.settled();
    const later = service.push('x', 2);
    await settled;
    await ready();
    expect(await service.current('doubled')).toMatchObject({ value: 2 });
    expect(items(seen)).toEqual([0, 1]);
    service.mark();
    expect(await later).toMatchObject({ outcome: 'applied', epoch: 2 });
    await service.close();
  });

  test('wait for what came before them, also where what came after it was dropped meanwhile', async () => {
    const store = memoryStore();
    await store.put('a', 0);
    await store.put('b', 0);
    const service = await live(pair(), {
      store,
      sources: { a: feed<number>({ overflow: 'dropOldest', capacity: 1 }) },
      epochs: { marks: true },
    });
    await service.settled();
    service.pause();
    void service.push('b', 1);
    void service.push('a', 1);
    let isSettled = false;
    const settled = service.settled().then(() => (isSettled = true));
    for (const n of [2, 3, 4]) void service.push('a', n);
    await ready();
    expect(isSettled).toBe(false);
    service.resume();
    await settled;
    // What came after it is in an epoch of its own, when the policy says so.
    expect(await service.current('sum')).toMatchObject({ value: 1 });
    service.mark();
    await service.settled();
    expect(await service.current('sum')).toMatchObject({ value: 5 });
    await service.close();
  });
});
