import { Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { feed, live, type FeedOptions, type Pushed } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { chain, interferedStore, seenOf } from '../rig/live-rig.ts';

/** A service whose one step waits for a word, and a feed of so much room. */
async function slow(options: FeedOptions<number, number>) {
  const gate = deferred();
  const called: number[] = [];
  const store = memoryStore();
  await store.put('x', -1);
  const service = await live(
    chain(async (x) => {
      called.push(x);
      if (x === 0) await gate.promise;
      return x;
    }),
    { store, sources: { x: feed<number, number>({ capacity: 3, ...options }) } },
  );
  await until(() => called.length > 0);
  called.shift();
  return { service, store, called, go: () => gate.resolve() };
}

describe('where there is no room', () => {
  test('block asks the origin for no more', async () => {
    let asked = 0;
    const from: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => (asked < 50 ? { done: false, value: asked++ } : { done: true, value: undefined }),
      }),
    };
    const { service, called, go } = await slow({ from });
    await ready(50);
    // One runs, three wait, and no other is asked for before there is room for it.
    expect(asked).toBe(4);
    go();
    await until(() => asked === 50);
    await service.close();
    // All that was taken was applied; what was asked for and had not come when it closed is its origin's to give again.
    expect(called).toEqual(Array.from({ length: called.length }, (_, index) => index));
    expect(called.length).toBeGreaterThanOrEqual(49);
  });

  test('block holds for the origin alone: what is pushed by hand beside it is refused', async () => {
    const { service, go } = await slow({ from: [0, 1, 2, 3, 4, 5] });
    await ready(50);
    await expect(service.push('x', 6)).rejects.toMatchObject({
      code: 'INTAKE_FULL',
      message: expect.stringMatching('its "overflow" is "block", which holds for its origin alone'),
    });
    go();
    await service.close();
  });

  test('dropOldest keeps the latest, and whoever pushed is told', async () => {
    const { service, called, go } = await slow({ overflow: 'dropOldest' });
    const outcomes: Pushed['outcome'][] = [];
    const pushed: Promise<unknown>[] = [service.push('x', 0)];
    await until(() => called.length === 1);
    for (let n = 1; n <= 6; n += 1) pushed.push(service.push('x', n).then(({ outcome }) => (outcomes[n] = outcome)));
    await ready();
    expect(outcomes).toEqual([undefined, 'dropped', 'dropped', 'dropped']);
    go();
    await Promise.all(pushed);
    expect(outcomes.slice(4)).toEqual(['applied', 'applied', 'applied']);
    expect(called).toEqual([0, 4, 5, 6]);
    await service.close();
  });

  test('conflate lets the later item stand for the one before it', async () => {
    const { service, called, go } = await slow({ overflow: 'conflate' });
    const outcomes: string[] = [];
    const pushed: Promise<unknown>[] = [service.push('x', 0)];
    await until(() => called.length === 1);
    for (let n = 1; n <= 6; n += 1) pushed.push(service.push('x', n).then(({ outcome }) => outcomes.push(`${n} ${outcome}`)));
    go();
    await Promise.all(pushed);
    expect(called).toEqual([0, 1, 2, 6]);
    expect(outcomes.toSorted()).toEqual(['1 applied', '2 applied', '3 conflated', '4 conflated', '5 conflated', '6 applied']);
    await service.close();
  });

  test('conflate with a merge and a fold loses nothing', async () => {
    const { service, store, called, go } = await slow({
      overflow: 'conflate',
      capacity: 1,
      fold: (sum = 0, item) => sum + item,
      merge: (earlier, later) => earlier + later,
    });
    const pushed = [service.push('x', 1)];
    await until(() => called.length === 1);
    expect(called).toEqual([0]);
    for (let n = 2; n <= 100; n += 1) pushed.push(service.push('x', n));
    go();
    await Promise.all(pushed);
    expect(await store.value('x')).toBe(5050 - 1);
    expect(called).toEqual([0, 5049]);
    await service.close();
  });

  test('error refuses an item that is pushed by hand, and no other', async () => {
    const { service, called, go } = await slow({ overflow: 'error' });
    const first = service.push('x', 0);
    await until(() => called.length === 1);
    const pushed = [1, 2, 3, 4].map((n) => service.push('x', n));
    await expect(pushed[3]).rejects.toMatchObject({ code: 'INTAKE_FULL', details: { key: 'x', capacity: 3 } });
    go();
    await Promise.all([first, ...pushed.slice(0, 3)]);
    expect(called).toEqual([0, 1, 2, 3]);
    await service.close();
  });

  test('error ends a feed that pushes too much', async () => {
    const hot = new Subject<number>();
    const { service, called, go } = await slow({ from: hot, overflow: 'error' });
    hot.next(0);
    await until(() => called.length === 1);
    for (const n of [1, 2, 3, 4]) hot.next(n);
    expect(hot.observed).toBe(false);
    go();
    await expect(service.closed).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: { code: 'INTAKE_FULL' } });
  });

  test('what is pushed by hand and nothing is said of is bounded, too', async () => {
    const store = memoryStore();
    await store.put('x', 0);
    const service = await live(chain(), { store, epochs: { marks: true } });
    await service.settled();
    service.pause();
    const pushed = Array.from({ length: 1001 }, (_, n) => service.push('x', n));
    await expect(pushed[1000]).rejects.toMatchObject({ code: 'INTAKE_FULL' });
    await service.close();
    expect((await Promise.all(pushed.slice(0, 1000))).every(({ outcome }) => outcome === 'applied')).toBe(true);
  });

  test('a hand that takes the place for which a feed waited does not end the feed', async () => {
    const given = deferred<IteratorResult<number>>();
    let asked = 0;
    const from: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => ((asked += 1) <= 3 ? Promise.resolve({ done: false, value: asked - 1 }) : given.promise),
      }),
    };
    const { service, called, go } = await slow({ from, capacity: 1 });
    await until(() => called.length === 1);
    await ready();
    const byHand: Promise<unknown>[] = [];
    const seen = service.epochs({ at: 'settled' }).subscribe(() => {
      byHand.push(service.push('x', 100 + byHand.length).catch(() => undefined));
      if (byHand.length > 3) seen.unsubscribe();
    });
    go();
    await ready(50);
    await service.close();
    await Promise.all(byHand);
    expect(called.filter((n) => n < 100)).toEqual([0, 1, 2]);
  });
});

describe('bounds', () => {
  test('Q and W hold while a source pushes a hundred times faster than steps run and the disk writes', async () => {
    const [capacity, window] = [8, 3];
    const written: (() => void)[] = [];
    const store = interferedStore({ beforeAppend: () => new Promise((resolve) => written.push(resolve)) });
    let running = 0;
    const finish: (() => void)[] = [];
    const service = await live(
      chain(async (x) => {
        running += 1;
        await new Promise<void>((resolve) => finish.push(resolve));
        running -= 1;
        return x;
      }),
      { store, window, sources: { x: feed<number>({ overflow: 'dropOldest', capacity, initial: 0 }) } },
    );
    let [settled, durable] = [0, 0];
    service.epochs({ at: 'settled' }).subscribe(() => (settled += 1));
    service.epochs({ at: 'durable' }).subscribe(() => (durable += 1));
    let [waiting, most, mostBehind] = [0, 0, 0];
    let over = 0;
    for (let n = 0; n < 3000; n += 1) {
      waiting += 1;
      void service.push('x', n).then(
        () => (waiting -= 1),
        () => (over += 1),
      );
      if (n % 100 === 0) finish.shift()?.();
      if (n % 300 === 0) written.shift()?.();
      if (n % 50 === 0) await ready(2);
      mostBehind = Math.max(mostBehind, settled - durable);
      expect(running).toBeLessThanOrEqual(1);
      if (n % 50 === 0) most = Math.max(most, waiting);
    }
    expect(mostBehind).toBe(window);
    // What waits, what runs, and what is settled and not on disk.
    expect(most).toBeLessThanOrEqual(capacity + 1 + window);
    expect(over).toBe(0);
    const closing = service.close({ drain: false });
    for (let turn = 0; turn < 200; turn += 1) {
      finish.shift()?.();
      written.shift()?.();
      await ready(1);
    }
    await closing;
  });

  test('a reader that is not asked holds no more than its bound', async () => {
    const store = memoryStore();
    await store.put('x', 0);
    const service = await live(chain(), { store });
    await service.settled();
    const iterator = service.changes('doubled', { lag: { policy: 'lossless', bound: 3 } })[Symbol.asyncIterator]();
    const seen = seenOf(service.changes('doubled'));
    for (let n = 1; n <= 5; n += 1) await service.push('x', n);
    const given = [await iterator.next(), await iterator.next(), await iterator.next()];
    expect(given.map(({ value }) => value?.state === 'value' && value.value)).toEqual([2, 4, 6]);
    // Nothing more comes: who is left some out, and is not told, would wait for ever.
    const fourth = Promise.race([iterator.next(), ready().then(() => 'waits')]);
    await expect(fourth).rejects.toMatchObject({ code: 'OBSERVER_BEHIND', details: { bound: 3 } });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(seen).toHaveLength(5);
    await service.close();
  });
});
