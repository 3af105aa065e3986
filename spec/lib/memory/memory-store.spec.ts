import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../../lib/memory/index.ts';
import { storeContract } from '../../kit/store-contract.ts';

describe('the memory store', () => {
  const open = async () => {
    const store = memoryStore();
    return { store, dispose: () => store.close() };
  };

  for (const { name, run } of storeContract({ label: 'memory', open, reopens: false })) {
    test(name, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }

  test('gives an event that was read from another log its position in this one', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    for (const value of [1, 2, 3]) await from.put('a', value);
    const [last] = await from.port.read(3, 1);
    if (last?.type !== 'source-observed') throw new Error('a put is observed');
    await to.port.append({ events: [last], values: [] });
    expect(await to.port.read(1, 1)).toEqual([{ ...last, position: 1 }]);
  });

  test('tells the time of a put by the clock that it was given', async () => {
    const store = memoryStore({ now: () => 42 });
    await store.put('a', 1);
    expect(await store.latest('a')).toMatchObject({ time: 42 });
  });

  test('tells the time of a put by the system, without a clock', async () => {
    const store = memoryStore();
    const before = Date.now();
    await store.put('a', 1);
    const event = await store.latest('a');
    expect(event?.time).toBeGreaterThanOrEqual(before);
    expect(event?.time).toBeLessThanOrEqual(Date.now());
  });

  test('is nothing to any other memory store', async () => {
    const [one, two] = [memoryStore(), memoryStore()];
    await one.put('a', 1);
    expect(await two.value('a')).toBeUndefined();
  });

  test('gives the same frozen event to every reader', async () => {
    const store = memoryStore();
    await store.put('a', 1);
    expect(await store.latest('a')).toBe(await store.latest('a'));
  });
});
