import { describe, expect, test } from 'vitest';
import { createStore, type Store } from '../../../lib/events/store.ts';
import type { AppendBatch, StorePort } from '../../../lib/events/store-port.ts';
import { memoryPort } from '../../../lib/memory/memory-port.ts';
import { runStarted, sampleKey, sampleValue, sourceObserved } from '../../kit/sample-events.ts';

const KEY = sampleKey('a');

/** What a run records of a source that it observes. */
function observedByRun(value: unknown): AppendBatch {
  const { address, bytes } = sampleValue(value);
  return { events: [runStarted(), sourceObserved('a', { address, version: address })], values: [{ address, bytes }] };
}

/** A store whose puts are overtaken: between the look and the append of each, the next of these batches is appended. */
function overtaken(batches: AppendBatch[]): { readonly store: Store; readonly asked: AppendBatch[] } {
  const inner = memoryPort();
  const asked: AppendBatch[] = [];
  const port: StorePort = new Proxy<StorePort>(inner, {
    get: (_, name: keyof StorePort) => {
      const method = inner[name];
      if (name !== 'append') return typeof method === 'function' ? method.bind(inner) : method;
      return async (batch: AppendBatch) => {
        const before = batches.shift();
        if (before !== undefined) await inner.append(before);
        asked.push(batch);
        return inner.append(batch);
      };
    },
  });
  return { store: createStore(port, { now: () => 0 }), asked };
}

const observations = async ({ port }: Store): Promise<number> =>
  (await port.read(1, 100)).filter((event) => event.type === 'source-observed').length;

describe('a put that is overtaken between its look and its append', () => {
  test('by an equal value looks again, and finds nothing to write', async () => {
    const { store, asked } = overtaken([observedByRun('v')]);
    const version = sampleValue('v').address;
    expect(await store.put('a', 'v')).toEqual({ observed: false, position: 2, version, duplicate: false });
    expect(asked).toHaveLength(1);
    expect(await observations(store)).toBe(1);
  });

  test('by other values looks again, and is written behind them', async () => {
    const { store, asked } = overtaken([observedByRun('one'), observedByRun('two')]);
    expect(await store.put('a', 'v')).toEqual({ observed: true, position: 5, version: expect.any(String), duplicate: false });
    expect(asked.map(({ expected }) => expected)).toEqual([0, 2, 4].map((position) => [{ key: KEY, position }]));
    expect(await store.value('a')).toBe('v');
  });

  test('is refused where that was not expected, and looks again where it was', async () => {
    const first = overtaken([observedByRun('one')]);
    await expect(first.store.put('a', 'v', { expected: 0 })).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
      details: { expected: 0, found: 2 },
    });
    const second = overtaken([observedByRun('one')]);
    expect(await second.store.put('a', 'v', { expected: 2 })).toMatchObject({ observed: true, position: 3 });
    // What is expected is there by now, and what was seen is not: that the value was new was decided by the latter.
    const equal = overtaken([observedByRun('v')]);
    expect(await equal.store.put('a', 'v', { expected: 2 })).toMatchObject({ observed: false, position: 2 });
    expect(await observations(equal.store)).toBe(1);
  });
});
