import { describe, expect, test } from 'vitest';
import {
  assetsFromGraph,
  define,
  endOfEpoch,
  feed,
  graph,
  input,
  live,
  op,
  source,
  type EpochPolicy,
  type FeedContext,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready, until } from '../rig/deferred.ts';
import { brief, chain, offsetOf, pair, seenOf } from '../rig/live-rig.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';

/** Definitions of two sources and of two assets, each made of one of them. */
function either() {
  const tenfold = op({ name: 'tenfold', codeVersion: '1', inputs: { n: input<number>() }, run: ({ n }) => 10 * n });
  const body = graph('either', { inputs: { a: input<number>(), b: input<number>() } }, ({ a, b }) => ({
    left: tenfold.as('left')({ n: a }),
    right: tenfold.as('right')({ n: b }),
  }));
  return define({ assets: [source<number>('a'), source<number>('b'), assetsFromGraph(body, { canSubset: true })] });
}

const sumOf = (sum: number | undefined, item: number): number => (sum ?? 0) + item;

/** A service whose store is empty, and what its epochs were. */
async function empty(epochs: EpochPolicy) {
  const clock = manualClock();
  const store = memoryStore();
  const service = await live(chain(), { store, clock, epochs });
  return { service, clock, store, seen: seenOf(service.epochs({ at: 'settled' })) };
}

describe('the first epoch of a source that has no value', () => {
  test('is of so many items, where the policy says so', async () => {
    const { service, store, seen } = await empty({ items: 3 });
    const pushed = [1, 2].map((n) => service.push('x', n));
    await ready();
    expect(await store.port.head()).toBe(0);
    expect(service.waitingFor).toEqual([{ source: 'x', steps: ['double'], items: 2 }]);
    await Promise.all([...pushed, service.push('x', 3)]);
    expect(brief(seen)).toEqual(['start 3: double say']);
    expect(ofType(await logOf(store), 'source-observed')).toHaveLength(1);
    expect(await store.value('doubled')).toBe(6);
    expect(service.waitingFor).toEqual([]);
    await service.close();
  });

  test('begins some time after the first item, where the policy says so', async () => {
    const { service, store, seen, clock } = await empty({ ms: 100 });
    const pushed = [1, 2].map((n) => service.push('x', n));
    clock.advance(99);
    await ready();
    expect(await store.port.head()).toBe(0);
    clock.advance(1);
    await Promise.all(pushed);
    expect(brief(seen)).toEqual(['start 2: double say']);
    await service.close();
    expect(clock.waiting()).toBe(0);
  });

  test('begins at a mark, and what comes behind it is not in it', async () => {
    const { service, store, seen } = await empty({ marks: true });
    const pushed = [1, 2].map((n) => service.push('x', n));
    await ready();
    expect(await store.port.head()).toBe(0);
    service.mark();
    const behind = service.push('x', 3);
    await Promise.all(pushed);
    await ready();
    expect(brief(seen)).toEqual(['start 2: double say']);
    expect(await store.value('x')).toBe(2);
    service.mark();
    await behind;
    await service.close();
  });

  test('folds all of its items, and keeps the offset of the last one', async () => {
    const store = memoryStore();
    const from = [1, 2, 3, endOfEpoch, 4] as const;
    const service = await live(chain(), {
      store,
      sources: { x: feed<number>({ from, offset: String, fold: sumOf }) },
      epochs: { marks: true },
    });
    const seen = seenOf(service.epochs());
    await until(() => seen.length > 0);
    expect([await store.value('x'), await offsetOf(store, 'x')]).toEqual([6, '3']);
    await service.close();
    expect([await store.value('x'), await offsetOf(store, 'x')]).toEqual([10, '4']);
  });
});

describe('where several sources have no value', () => {
  test('epochs that are due before all have one are taken together, whole', async () => {
    const store = memoryStore();
    const service = await live(pair(), { store, epochs: { marks: true } });
    const seen = seenOf(service.epochs());
    const first = [service.push('a', 1), service.push('a', 2)];
    service.mark();
    const second = [service.push('a', 3), service.push('b', 10)];
    await ready();
    // The epoch of b is not over: nothing of it may be seen, and so nothing at all.
    expect(await store.port.head()).toBe(0);
    expect(service.waitingFor).toEqual([
      { source: 'a', steps: ['add'], items: 3 },
      { source: 'b', steps: ['add'], items: 1 },
    ]);
    service.mark();
    void service.push('a', 4);
    await Promise.all([...first, ...second]);
    await ready();
    expect(brief(seen)).toEqual(['start 4: add']);
    expect(await store.value('sum')).toBe(13);
    await service.close();
  });

  test('each item an epoch: the first one has what all sources are when the last of them has come', async () => {
    const store = memoryStore();
    const service = await live(pair(), { store });
    const seen = seenOf(service.epochs());
    const pushed = [service.push('a', 1), service.push('a', 2), service.push('b', 10), service.push('a', 3)];
    await Promise.all(pushed);
    expect(brief(seen)).toEqual(['start 3: add', 'items 1: add']);
    await service.close();
  });

  test('nothing is asked for beyond the bounds while one does not come', async () => {
    let given = 0;
    const counting = function* (): Generator<number> {
      for (;;) yield (given += 1);
    };
    const service = await live(pair(), {
      sources: { a: feed<number>({ from: counting(), capacity: 5 }) },
      epochs: { items: 2 },
    });
    await ready();
    expect(given).toBeLessThanOrEqual(6);
    const pushed = service.push('b', 1);
    const seen = seenOf(service.epochs({ at: 'settled' }));
    await pushed;
    expect(seen[0]?.items).toBeGreaterThanOrEqual(6);
    await service.close({ drain: false });
  });

  test('what was refused of one is no value of it, and what came of the other stays', async () => {
    const service = await live(pair(), {
      sources: {
        b: feed<number, number>({
          fold: (_, item) => {
            if (item < 0) throw new RangeError('below zero');
            return item;
          },
        }),
      },
    });
    const kept = service.push('a', 1);
    await expect(service.push('b', -1)).rejects.toThrow('below zero');
    await ready();
    expect(service.waitingFor.map(({ source, items }) => [source, items])).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
    await service.push('b', 2);
    expect(await kept).toMatchObject({ outcome: 'applied', epoch: 0 });
    expect(await service.current('sum')).toMatchObject({ value: 3 });
    await service.close();
  });

  test('items of a source that has one are in their epoch, too: folded into it, and left out where they came before', async () => {
    const store = memoryStore();
    const folding = { b: feed<number>({ fold: sumOf }) };
    const before = await live(pair(), { store, select: [], sources: folding });
    await before.push('b', 5, { offset: '1' });
    await before.close();
    const service = await live(pair(), { store, sources: folding, epochs: { marks: true } });
    const outcomes = [service.push('b', 5, { offset: '1' }), service.push('b', 7, { offset: '2' }), service.push('a', 100)];
    service.mark();
    expect((await Promise.all(outcomes)).map(({ outcome }) => outcome)).toEqual(['duplicate', 'applied', 'applied']);
    expect([await store.value('sum'), await offsetOf(store, 'b')]).toEqual([112, '2']);
    await service.close();
  });
});

describe('before the first epoch', () => {
  test('a feed goes on behind what is applied, although another source has no value', async () => {
    const store = memoryStore();
    const before = await live(pair(), { store, select: [] });
    await before.push('b', 5, { offset: '7' });
    await before.close();
    const opened: (string | undefined)[] = [];
    const from = ({ offset }: FeedContext): readonly number[] => (opened.push(offset), [8]);
    const service = await live(pair(), { store, sources: { b: feed<number>({ from, offset: String }) } });
    await ready();
    expect([opened, service.waitingFor.map(({ source: key }) => key)]).toEqual([['7'], ['a']]);
    await service.close({ drain: false });
  });

  test('settled() and durable() wait for it, and do not let in what comes later', async () => {
    const { service, seen } = await empty({ marks: true });
    let isSettled = false;
    const settled = service.settled().then(() => (isSettled = true));
    void service.push('x', 1);
    await ready();
    expect(isSettled).toBe(false);
    const durable = service.durable();
    await Promise.all([settled, durable]);
    expect(brief(seen)).toEqual(['start 1: double say']);
    const other = await live(pair(), { epochs: { marks: true } });
    void other.push('a', 1);
    const waits = other.durable();
    void other.push('b', 2);
    await ready();
    expect(await other.current('sum')).toBeUndefined();
    other.mark();
    await waits;
    expect(await other.current('sum')).toMatchObject({ value: 3 });
    await Promise.all([service.close(), other.close()]);
  });

  test('a pause holds for it', async () => {
    const { service, seen } = await empty({});
    service.pause();
    const pushed = service.push('x', 1);
    await ready();
    expect(seen).toEqual([]);
    service.resume();
    expect((await pushed).epoch).toBe(0);
    await service.close();
  });

  test('update() goes on with what has come, once', async () => {
    const store = memoryStore();
    const sums = feed<number>({ fold: sumOf });
    const service = await live(pair(), { store, sources: { a: sums } });
    const pushed = service.push('a', 2);
    await ready();
    await store.put('b', 10);
    await pushed;
    await service.update({ select: ['sum'] });
    expect([await store.value('a'), await store.value('sum')]).toEqual([2, 12]);
    await service.close();
  });

  test('update() says what the first epoch is of: it waits for what that needs, and no longer for anything else', async () => {
    const store = memoryStore();
    const service = await live(either(), { store, select: ['left'] });
    const seen = seenOf(service.epochs());
    const waitsFor = (): unknown => service.waitingFor.map(({ source: key, items }) => [key, items]);
    const pushed = service.push('b', 5);
    await ready();
    await service.update({ select: ['left', 'right'] });
    expect([waitsFor(), service.runId]).toEqual([
      [
        ['a', 0],
        ['b', 1],
      ],
      '',
    ]);
    await store.put('left', -1);
    expect([await service.current('left'), await service.current('right')]).toMatchObject([{ value: -1 }, undefined]);
    await service.update({ select: ['right'] });
    expect([(await pushed).epoch, waitsFor(), await service.current('right')]).toMatchObject([0, [], { value: 50 }]);
    await service.update({ select: ['right'] });
    await service.push('b', 6);
    expect(seen.map(({ epoch, cause, ran }) => [epoch, cause, ...ran])).toEqual([
      [0, 'start', 'right'],
      [1, 'start'],
      [2, 'items', 'right'],
    ]);
    await service.close();
  });

  test('an update() that is refused leaves it waiting for what it waited for', async () => {
    const store = memoryStore();
    await store.put('x', 1);
    const other = await live(chain(), { store });
    await other.durable();
    const service = await live(either(), { store });
    const waits = service.waitingFor;
    expect(waits).toHaveLength(2);
    const doubling = op({ name: 'double', codeVersion: '2', inputs: { x: input<number>() }, run: ({ x }) => x });
    const body = graph('chain', { inputs: { x: input<number>() } }, ({ x }) => ({ doubled: doubling({ x }) }));
    const refused = define({ assets: [source<number>('x'), assetsFromGraph(body)] });
    await expect(service.update({ defs: refused as never })).rejects.toMatchObject({ code: 'ALREADY_SERVED' });
    await expect(service.update({ select: ['lift' as 'left'] })).rejects.toMatchObject({ code: 'UNKNOWN_ASSET' });
    expect(service.waitingFor).toEqual(waits);
    // Neither is anything else of what was refused in force.
    await expect(service.push('x', 2)).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE' });
    await Promise.all([service.push('a', 1), service.push('b', 2)]);
    expect([await store.value('left'), await store.value('right')]).toEqual([10, 20]);
    await Promise.all([service.close(), other.close()]);
  });

  test('items of a source that an update() takes away are refused, and nothing else is', async () => {
    const service = await live(pair(), {});
    const gone = service.push('a', 1);
    await ready();
    await service.update({ defs: chain() as never });
    const pushed = service.push('x', 4);
    await expect(gone).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE', details: { key: 'a' } });
    expect((await pushed).outcome).toBe('applied');
    await service.close();
  });

  test('close() drains it, where all sources have come; else who pushed is told', async () => {
    const { service, seen } = await empty({ items: 10 });
    const pushed = service.push('x', 1);
    await service.close();
    expect((await pushed).outcome).toBe('applied');
    expect(brief(seen)).toEqual(['start 1: double say']);
    const other = await live(pair());
    const lost = other.push('a', 1);
    await other.close();
    await expect(lost).rejects.toMatchObject({ code: 'SERVICE_CLOSED' });
    expect(other.waitingFor).toEqual([]);
  });
});

// Who waits for the store, or for the epoch before, has time to get more.
test('an epoch that is due has what comes until its turn, as far as its policy says', async () => {
  for (const [epochs, expected] of [
    [{ ms: 10 }, [0, 3]],
    [{ ms: 10, items: 2 }, [0, 2, 1]],
    [{ ms: 10, marks: true }, [0, 1, 2]],
  ] as const) {
    const clock = manualClock();
    const store = memoryStore();
    await store.put('x', 0);
    const service = await live(chain(), { store, clock, epochs });
    const seen = seenOf(service.epochs({ at: 'settled' }));
    await service.settled();
    const release = await store.turn('queue');
    const pushed = [service.push('x', 1)];
    clock.advance(10);
    if ('marks' in epochs) service.mark();
    await ready();
    pushed.push(service.push('x', 2), service.push('x', 3));
    release();
    await ready();
    clock.advance(10);
    await Promise.all(pushed);
    expect(seen.map(({ items }) => items)).toEqual(expected);
    await service.close();
  }
});
