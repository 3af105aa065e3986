import { describe, expect, test } from 'vitest';
import { asset, define, feed, input, live, source, type Definitions, type EpochReport } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready } from '../rig/deferred.ts';
import { seenOf } from '../rig/live-rig.ts';

/** Definitions of some sources, and of an asset of each. */
function copies(...keys: readonly string[]): Definitions {
  const n = input<number>();
  const assets = keys.flatMap((key) => [
    source<number>(key),
    asset({ key: `${key}_copy`, codeVersion: '1', inputs: { n }, keysByInputName: { n: key }, run: (inputs) => inputs.n }),
  ]);
  return define({ assets });
}

async function started(keys: readonly string[], items: number, sources = {}) {
  const store = memoryStore();
  for (const key of ['a', 'b', 'c']) await store.put(key, 0);
  const service = await live(copies(...keys), { store, epochs: { items }, sources });
  await service.durable();
  const seen: EpochReport[] = seenOf(service.epochs());
  return { store, service, seen };
}

const itemsOf = (seen: readonly EpochReport[]): readonly number[] => seen.flatMap(({ cause, items }) => (cause === 'items' ? items : []));

describe('an update, where epochs are of so many items', () => {
  test('that takes a source away refuses what waits of it at once, and it counts for no epoch', async () => {
    const { service, seen, store } = await started(['a', 'b'], 3);
    const gone = [service.push('a', 1), service.push('a', 2)];
    const stays = service.push('b', 1);
    await Promise.all([...gone, stays]);
    const told: unknown[] = [];
    for (const value of [3, 4]) service.push('a', value).catch(({ code }: { readonly code: string }) => told.push(code));
    await service.update({ defs: copies('b', 'c') });
    await ready();
    expect(told).toEqual(['UNKNOWN_SOURCE', 'UNKNOWN_SOURCE']);
    const next = [service.push('b', 5), service.push('c', 6)];
    await ready();
    expect(itemsOf(seen)).toEqual([3]);
    next.push(service.push('b', 7));
    await Promise.all(next);
    expect(itemsOf(seen)).toEqual([3, 3]);
    expect([await store.value('a'), await store.value('b_copy'), await store.value('c_copy')]).toEqual([2, 7, 6]);
    await service.close();
  });

  test('lets whoever waits for what has come wait no longer for what was refused', async () => {
    const { service } = await started(['a', 'b'], 3);
    service.pause();
    const told: unknown[] = [];
    service.push('a', 1).catch(({ code }: { readonly code: string }) => told.push(code));
    void service.settled().then(() => told.push('settled'));
    await service.update({ defs: copies('b') });
    await ready();
    expect(told).toEqual(['UNKNOWN_SOURCE', 'settled']);
    await service.close();
  });

  test('is refused where those that are left conflate more than an epoch is of, and leaves the service as it was', async () => {
    const a = feed<number>({ overflow: 'conflate', capacity: 2 });
    const { service, seen } = await started(['a', 'b'], 3, { a });
    const waits = service.push('b', 1);
    await expect(service.update({ defs: copies('a') })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message:
        'update(): "epochs" waits for 3 items, and the sources have room for 2: they conflate the rest, and no epoch would ever begin. Leave a source that has more room, or start another service with fewer "items", "ms", or feeds with more "capacity".',
    });
    await Promise.all([waits, service.push('a', 1), service.push('a', 2)]);
    expect(itemsOf(seen)).toEqual([3]);
    // One more source has room of its own.
    await service.update({ defs: copies('a', 'b', 'c') });
    await service.update({ defs: copies('a', 'c') });
    await Promise.all([service.push('c', 1), service.push('c', 2), service.push('a', 3)]);
    expect(itemsOf(seen)).toEqual([3, 3]);
    await service.close();
  });

  test('before the first epoch refuses what was taken for that one and has not been in it', async () => {
    const positive = (_: number | undefined, item: number): number => {
      if (item < 0) throw new RangeError('below zero');
      return item;
    };
    const service = await live(copies('a', 'b'), { store: memoryStore(), sources: { a: feed<number>({ fold: positive }) } });
    const told: unknown[] = [];
    service.push('b', 1).catch(({ code }: { readonly code: string }) => told.push(code));
    service.push('a', -1).catch(({ message }: Error) => told.push(message));
    await ready();
    // There was an item of each, and one of them is none.
    expect(told).toEqual(['below zero']);
    await service.update({ defs: copies('a', 'c') });
    await ready();
    expect(told).toEqual(['below zero', 'UNKNOWN_SOURCE']);
    expect(service.waitingFor).toMatchObject([
      { source: 'a', items: 0 },
      { source: 'c', items: 0 },
    ]);
    await service.close();
  });
});
